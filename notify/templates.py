"""Templates that are programme data: Jinja's sandbox, strict about names, every mistake with file and line.

Promise: files that ``check_templates`` has passed speak of known names only, in code that is never run outside
the sandbox; what a template does not know is a ProgrammeError and never an empty place in a letter.
"""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from mailroom.errors import MailroomError, ProgrammeError

__all__ = ["check_templates", "fill_in", "sandbox", "template_files"]


def template_files(folder: Path) -> dict[str, str]:
    """The text of every template of a folder, by its file name. Raises ProgrammeError where one is not UTF-8."""
    files = {}
    for path in sorted(folder.glob("*.j2")):
        try:
            files[path.name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ProgrammeError(path.name, None, "not UTF-8 text; save it as UTF-8") from error
    return files


class _Files(jinja2.BaseLoader):
    """Templates from memory that keep their files' names, so that a mistake still has its file and line."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        if template not in self.files:
            raise jinja2.TemplateNotFound(template)
        return self.files[template], template, lambda: True


def sandbox(files: Mapping[str, str]) -> jinja2.Environment:
    environment = ImmutableSandboxedEnvironment(
        loader=_Files(files),
        undefined=jinja2.StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters.update(listed=_listed, letter=_letter, unbroken=_unbroken)
    return environment


def _listed(values: Iterable[str]) -> str:
    """«A, B and C»."""
    items = list(values)
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + f" and {items[-1]}" if items else ""


def _letter(index: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[(index - 1) % 26]


def _unbroken(text: str) -> Markup:
    """For HTML: times such as 14:00–15:30 stay on one line."""
    return Markup(_TIMES.sub(r'<span style="white-space:nowrap;">\g<0></span>', str(escape(text))))  # noqa: S704 - escaped just before


_TIMES = re.compile(r"\d\d:\d\d–\d\d:\d\d")


def check_templates(environment: jinja2.Environment, files: Mapping[str, str], variables: Iterable[str]) -> dict[str, frozenset[str]]:
    """Every file parses and speaks of known names only; gives what each speaks of, those that it includes among it."""
    told = frozenset(variables)
    known = {*told, "subject"}
    used: dict[str, frozenset[str]] = {}
    includes: dict[str, frozenset[str]] = {}
    for file, source in files.items():
        try:
            tree = environment.parse(source, file, file)
        except jinja2.TemplateSyntaxError as error:
            raise ProgrammeError(file, error.lineno, error.message or "cannot be read") from error
        used[file] = frozenset(meta.find_undeclared_variables(tree))
        for name in sorted(used[file] - known):
            line = next((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), None)
            near = difflib.get_close_matches(name, known, n=1)
            said = f"did you mean «{near[0]}»? Templates know" if near else "templates know"
            raise ProgrammeError(file, line, f"there is nothing called «{name}»; {said} {', '.join(sorted(told))}")
        for call in tree.find_all(nodes.Filter):
            if call.name not in environment.filters:
                raise ProgrammeError(file, call.lineno, f"there is no filter called «{call.name}»")
        others: list[nodes.Include | nodes.Extends] = [*tree.find_all(nodes.Include), *tree.find_all(nodes.Extends)]
        targets: set[str] = set()
        for other in others:
            target = other.template.value if isinstance(other.template, nodes.Const) else None
            if not isinstance(target, str) or target not in files:
                raise ProgrammeError(file, other.lineno, f"there is no template «{target}» to include")
            targets.add(target)
        includes[file] = frozenset(targets)
    whole: dict[str, frozenset[str]] = {}
    for name in used:
        reached, ahead = set[str](), {name}
        while ahead:
            reached |= ahead
            ahead = set[str]().union(*(includes[one] for one in ahead)) - reached
        whole[name] = frozenset().union(*(used[one] for one in reached))
    return whole


def fill_in(environment: jinja2.Environment, file: str, variables: dict[str, Any]) -> str:
    try:
        return environment.get_template(file).render(variables)
    except MailroomError:
        raise
    except jinja2.TemplateSyntaxError as error:
        raise ProgrammeError(error.name or file, error.lineno, error.message or "cannot be read") from error
    except jinja2.TemplateNotFound as error:
        raise ProgrammeError(file, None, f"there is no template «{error.name}»") from error
    except Exception as error:
        where = next((frame for frame in reversed(traceback.extract_tb(error.__traceback__)) if frame.filename.endswith(".j2")), None)
        name = Path(where.filename).name if where else file
        raise ProgrammeError(name, where.lineno if where else None, f"cannot be filled in: {error}") from error
