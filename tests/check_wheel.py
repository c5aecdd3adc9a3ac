"""What an operator installs: builds the wheel, installs it alone in a clean environment, and uses its command there.

Programme data, reply templates, migrations and the configuration template must all be inside, and no
package of ours may be provided by another installed distribution.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = ("mailroom", "ingest", "parse", "store", "notify", "desk")
MAIL = b"""From: Anne Ant <anne@example.com>
To: car@union.example
Subject: Research
Message-ID: <ant@example.com>
Date: Mon, 10 Jan 2022 09:00:00 +0000
Content-Type: text/plain; charset=utf-8

Hello,

I teach at Glenmarnoch Primary School in Fife. Last year I did an enquiry of my own on spelling and
I would like others to join me.

Anne
"""


def run(*command: str | Path, **options: object) -> str:
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return str(done.stdout)


def main() -> None:
    for name in OURS:
        owners = set(packages_distributions().get(name, []))
        assert owners <= {"mailroom"}, f"package {name} is also provided by {owners - {'mailroom'}}"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", place / "dist", ROOT, env=environment)
        (wheel,) = (place / "dist").glob("*.whl")
        venv.create(place / "venv", with_pip=True)
        python, command = place / "venv/bin/python", place / "venv/bin/mailroom"
        install = (python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check")
        run(*install, "-c", ROOT / "constraints.txt", f"{wheel}[demo]", env=environment)
        home = place / "home"
        run(command, "init", home, env=environment, cwd=place)
        (home / "mail").mkdir()
        (home / "mail/ant.eml").write_bytes(MAIL)
        (home / "config.yaml").write_text('mailboxes: [{name: programme, folder: mail}]\nreplies: {from: "Action Research <car@union.example>"}\n')
        polled = json.loads(run(command, "--config", home / "config.yaml", "poll", "--json", env=environment, cwd=place))
        box = polled["mailboxes"]["programme"]
        assert (box["on_server"], box["unaccounted"], box["registered"]) == (1, 0, 1), polled
        assert polled["replies"]["held"] == 1, polled
        row = json.loads(run(command, "--config", home / "config.yaml", "export", env=environment, cwd=place))
        assert (row["institutions"], row["authorities"], row["activities"]) == (["Glenmarnoch Primary School"], ["Fife"], ["existing_individual"]), row
        extracted = json.loads(run(command, "extract", home / "mail/ant.eml", env=environment, cwd=place))
        assert extracted["outcome"] == "registered", extracted
        told = run(command, "demo", "--folder", place / "demo", env=environment, cwd=place, stdin=subprocess.DEVNULL)
        assert "It opens, and one can log in." in told, told
        assert list((place / "demo/replies").glob("*.eml"))
    print("the wheel works on its own: init, poll, export, extract, demo")


if __name__ == "__main__":
    main()
