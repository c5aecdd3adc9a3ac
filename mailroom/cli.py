"""The `mailroom` command. Human output by default, ``--json`` for machines, progress only on a terminal.

Exit status: 0 done; 1 something is wrong that a person must mend (said on standard error, never as a
traceback); 2 wrong usage; 75 (EX_TEMPFAIL) try again later. The commands themselves are in ``mailroom.commands``.
"""

from __future__ import annotations

import io
import logging
import sys

import click

from mailroom import __version__
from mailroom.commands.aliases import aliases
from mailroom.commands.brakes import addresses, breakers
from mailroom.commands.desk import desk
from mailroom.commands.lists import export, sessions
from mailroom.commands.messages import messages, undo
from mailroom.commands.reading import evaluate, explain, extract, rules, schools
from mailroom.commands.register import register
from mailroom.commands.replies import replies
from mailroom.commands.running import digest, poll, run, status
from mailroom.commands.setting_up import check, demo, init, sign_in_command, upgrade
from mailroom.errors import MailroomError, Temporary

__all__ = ["cli", "main"]

COMMANDS: tuple[click.Command, ...] = (  # as `mailroom --help` lists them
    addresses,
    aliases,
    breakers,
    check,
    demo,
    desk,
    digest,
    evaluate,
    explain,
    export,
    extract,
    init,
    messages,
    poll,
    register,
    replies,
    rules,
    run,
    schools,
    sessions,
    sign_in_command,
    status,
    undo,
    upgrade,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="mailroom")
@click.option("--config", "config_file", metavar="FILE", help="The settings; may also stand after the command.")
@click.option("-v", "--verbose", is_flag=True, help="Say what happens, on standard error.")
def cli(config_file: str | None, verbose: bool) -> None:  # a command asks for config_file where it has none of its own (opening.py)
    """Turns a programme mailbox into a tidy register, and answers each member.

    Start with «mailroom init», edit config.yaml, «mailroom check», «mailroom run». «mailroom demo» shows the whole job.
    """
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)


for command in COMMANDS:
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: errors that mailroom raises on purpose become one clear paragraph and an exit status."""
    for stream in (sys.stdout, sys.stderr):
        # Under a locale that is not UTF-8 a Gaelic name would end the command, and an export would not be UTF-8.
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    try:
        cli.main(args=arguments, prog_name="mailroom", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except Temporary as error:
        click.echo(f"mailroom: {error}", err=True)
        sys.exit(75)
    except MailroomError as error:
        click.echo(f"mailroom: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        logging.getLogger(__name__).debug("unexpected", exc_info=True)
        if logging.getLogger().isEnabledFor(logging.INFO):
            logging.getLogger(__name__).exception("unexpected error")
        click.echo(
            f"mailroom: this should not happen: {type(error).__name__}: {error}\nNothing is lost. Run it again with -v and report what it prints.",
            err=True,
        )
        sys.exit(70)


if __name__ == "__main__":
    main()
