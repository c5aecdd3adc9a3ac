"""How mail is read, and how well: `mailroom extract`, `explain`, `evaluate`, `rules`, `schools`.

Most of it needs neither settings nor a store, so a command opens them only where somebody names them or the work cannot do without.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mailroom.commands.opening import get_config, get_store, settings_named
from mailroom.commands.options import config_option, emit, json_option

__all__ = ["evaluate", "explain", "extract", "rules", "schools"]


@click.command(short_help="Read .eml files, print JSON lines; no store needed.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--schools", "schools", multiple=True, type=click.Path(dir_okay=False), help="A school list, .csv or the government's .xlsx; may be repeated.")
@click.option("--programme", type=click.Path(file_okay=False, path_type=Path), help="Another programme folder than the shipped one.")
@click.option("--zones", is_flag=True, help="Also print the zones of each body.")
@config_option
@json_option
def extract(paths: tuple[str, ...], schools: tuple[str, ...], programme: Path | None, zones: bool, config_file: str | None, as_json: bool) -> None:
    """Read .eml files and print one JSON line for each; folders are walked, «-» is standard input. No store needed."""
    from mailroom.extracting import extract_lines

    del as_json  # the output is JSON lines anyway
    config = get_config(config_file) if settings_named(config_file) else None
    for line in extract_lines(paths, schools=schools, programme=programme, config=config, zones=zones):
        click.echo(line)


@click.command(short_help="How a message was read, and why.")
@click.argument("which", metavar="[ID]", required=False)
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False), help="Explain this .eml file; no store needed.")
@click.option("--html", "html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page of its own, with nothing fetched from outside.")
@click.option("--schools", multiple=True, type=click.Path(dir_okay=False), help="A school list for --file; may be repeated.")
@click.option("--programme", type=click.Path(file_okay=False, path_type=Path), help="Another programme folder for --file.")
@config_option
@json_option
def explain(
    which: str | None, file: str | None, html: Path | None, schools: tuple[str, ...], programme: Path | None, config_file: str | None, as_json: bool
) -> None:
    """Show a message with its zones and evidence, the rules that hit and missed, the decision, the replies.

    ID is a message's or registration's id (or its start), or a Message-ID.
    """
    from mailroom.show import explain_dict, explain_file, print_explain

    if (which is None) == (file is None):
        raise click.UsageError("name one message by its ID, or a file with --file")
    config = get_config(config_file) if settings_named(config_file) or which is not None else None
    if which is not None and config is not None:
        facts = explain_dict(config, get_store(config), which)
    else:
        facts = explain_file(str(file), schools=schools, programme=programme, config=config)
    if html is not None:
        from mailroom.explain_page import page, value_labels

        html.write_text(page(facts, value_labels(programme, config)), encoding="utf-8")
    if as_json:
        emit(facts)
    elif html is None:
        print_explain(facts)


@click.command(short_help="Measure the reading on labelled mail.")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--labels", type=click.Path(dir_okay=False, path_type=Path), help="A .jsonl file with «id» and «labels» on each line.")
@click.option("--schools", multiple=True, type=click.Path(dir_okay=False), help="A school list; may be repeated.")
@click.option("--programme", type=click.Path(file_okay=False, path_type=Path), help="Another programme folder than the shipped one.")
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Keep this run, to compare a later one with.")
@click.option("--against", type=click.Path(dir_okay=False, path_type=Path), help="An earlier run: say which messages got better and worse.")
@click.option("--curve", type=click.Path(dir_okay=False, path_type=Path), help="Draw precision against coverage over the accept threshold (.svg).")
@click.option("--wrong", type=click.IntRange(min=0), default=20, show_default=True, help="How many differences to list.")
@config_option
@json_option
def evaluate(folder: Path | None, config_file: str | None, **options: Any) -> None:
    """Measure the reading against labelled .eml files in FOLDER, or against the corrections that persons made in the register.

    Labels are a .jsonl file (--labels, or in the folder) or NAME.json beside each NAME.eml; without FOLDER the register is used.
    """
    from mailroom.evaluating import run_evaluation

    config = get_config(config_file) if settings_named(config_file) or folder is None else None
    run_evaluation(folder, config=config, open_store=(lambda: get_store(config, write=True)) if config else None, **options)


@click.command(short_help="The rules, with file and line, and their hits.")
@click.option("--programme", type=click.Path(file_okay=False, path_type=Path), help="Another programme folder than the shipped one.")
@click.option("--hits", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Count over the .eml files of this folder, not over the store.")
@click.option("--schools", multiple=True, type=click.Path(dir_okay=False), help="A school list for --hits; may be repeated.")
@config_option
@json_option
def rules(config_file: str | None, **options: Any) -> None:
    """List every rule of the programme with file and line, and how often it hit: in the store (--config) or in a folder (--hits)."""
    from mailroom.rulebook import run_rules

    config = get_config(config_file) if settings_named(config_file) else None
    run_rules(config=config, open_store=(lambda: get_store(config)) if config else None, **options)


@click.group()
def schools() -> None:
    """The list of schools that the reading knows: import."""


@schools.command("import", short_help="Turn a workbook or CSV into the school list.")
@click.argument("source", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--into", type=click.Path(dir_okay=False, path_type=Path), default=Path("lists/schools.csv"), show_default=True, help="The list to write.")
@click.option("--against", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Compare with this list; else with the one that --into replaces.")
@click.option("--programme", type=click.Path(file_okay=False, path_type=Path), help="Another programme folder than the shipped one: it knows the councils.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@config_option
@json_option
def schools_import(source: Path, programme: Path | None, config_file: str | None, **options: Any) -> None:
    """Take the government's «School contact details» workbook (.xlsx) or a CSV as the school list, and say what changed.

    Renamed and closed schools keep their old names.
    """
    from mailroom.config import data_folder
    from mailroom.schools import run_import

    config = get_config(config_file) if settings_named(config_file) and not programme else None
    run_import(source, folder=programme or (config.programme.folder if config else None) or data_folder() / "programme", **options)
