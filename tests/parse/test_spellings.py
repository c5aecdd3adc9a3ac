"""Listed schools in eight spellings: never a wrong single answer, and shared names are told as several."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from parse.institutions import InstitutionFinder
from parse.schoollist import load_schools
from parse.schoolnames import School

ROOT = Path(__file__).parents[2]
PROGRAMME = ROOT / "programme"
GOVERNMENT = ROOT.parent / "shared" / "gazetteer" / "schools.csv"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_spellings", ROOT / "bench" / "spellings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[School]:
    cases = yaml.safe_load((Path(__file__).parent / "institution_cases.yaml").read_text(encoding="utf-8"))
    file = tmp_path_factory.mktemp("list") / "schools.csv"
    file.write_text(cases["schools"], encoding="utf-8")
    return load_schools(file, PROGRAMME)


def check(bench: ModuleType, schools: list[School], number: int) -> None:
    finder = InstitutionFinder(PROGRAMME, schools)
    counts, examples = bench.measure(finder, schools, (1, 2, 3, 4, 5), bench.sample(schools, number))
    assert {key: lines for key, lines in examples.items() if key[2] == "wrong"} == {}
    for (spelling, _), count in counts.items():
        known = count["right"] + count["several"]
        assert known >= (0.9 if spelling.startswith("one slip") else 0.97) * sum(count.values()), (spelling, count)
    assert bench.shared_names(finder, schools)[1] == []


def test_small_list(bench: ModuleType, small: list[School]) -> None:
    """Each school of a short list, eight spellings, five slips of the pen, with and without its council."""
    check(bench, small, 0)


@pytest.mark.skipif(not GOVERNMENT.exists(), reason="the government's list is not beside the checkout")
def test_part_of_the_whole_list(bench: ModuleType) -> None:
    """150 schools by hash among all of Scotland's, where look-alikes are many."""
    check(bench, load_schools(GOVERNMENT, PROGRAMME), 150)


def test_judge_sees_a_wrong_answer(bench: ModuleType, small: list[School]) -> None:
    """The bench itself can fail: another school's name, or another council, is wrong."""
    finder = InstitutionFinder(PROGRAMME, small)
    judge = bench.Judge(finder, small)
    school = next(school for school in small if school.name == "Hythehill Primary School")
    parsed = bench.message("I teach at Lenzie Academy.")
    assert judge.of(school, finder.find(parsed, bench.views(parsed)), "Hythehill Primary School", "official") == "wrong"
