"""Many files: batches are the files themselves, verdicts are each file's own, bad files are said and left out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st
from metagap.impl.arithmetic import rational
from metagap.impl.bracket import DefectError
from metagap.impl.families import FAMILIES, judge
from metagap.impl.family import Family
from metagap.impl.files import dumps
from metagap.impl.instances import Instance
from metagap.impl.judgement import ClaimJudgement
from metagap.impl.models.weights import Weights
from metagap.impl.sources import RandomSource
from metagap.impl.stacks import cells, exact, in_proportion, stacks
from metagap.reports import judging
from metagap.reports.cli import app
from metagap.reports.judging import FEW, Begun, decided, judge_all
from metagap.reports.records import dumps as written
from metagap.theory.claim import Verdict
from typer.testing import CliRunner

from .kinds import built, families
from .test_batch_judge import ALONG

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def mixed(family: Family, each: int, kinds: int, seed: int = 3) -> list[Instance]:
    """Instances of so many generators, by turns: no two neighbours are of one batch."""
    chosen = [g for g in family.generators if g.wide][:kinds]
    rows = [built(family, g.name, g.variants[i % len(g.variants)], seed, each) for i, g in enumerate(chosen)]
    return [instance for column in zip(*rows, strict=True) for instance in column]


def saved(folder: Path, instances: list[Instance]) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{place:02d}.json" for place in range(len(instances))]
    for path, instance in zip(paths, instances, strict=True):
        path.write_text(dumps(instance), encoding="utf-8")
    return paths


@given(st.lists(st.integers(0, 2**60), min_size=1, max_size=6).filter(any))
def test_shares_are_in_proportion_wherever_floats_can_be(parts: list[int]) -> None:
    total = sum(parts)
    shares = [fmpq(part, total) for part in parts]
    found = [rational(v) for v in in_proportion(shares).tolist()]
    sums = sum(found, start=fmpq(0))
    assert fmpq(1, 2) <= sums <= fmpq(3, 2)
    divisor = np.gcd.reduce(np.array(parts, dtype=object))
    if all((part // divisor).bit_length() <= 53 for part in parts):
        assert [v / sums for v in found] == shares


@families(lambda family: family.enclosed_quantities is not None)
def test_a_stack_gives_each_instance_back(family: Family) -> None:
    instances = mixed(family, 3, 30)
    assert family.batch_of is not None
    seen: Counter[int] = Counter()
    for places, batch in stacks(instances, family.batch_of, 3):
        seen.update(places)
        assert [batch.instance(b).sha256 for b in range(len(batch))] == [instances[p].sha256 for p in places]
    assert set(seen.values()) == {1}
    assert len(seen) > len(instances) / 2


def test_rows_that_the_nearest_floats_miss_are_stacked() -> None:
    family = FAMILIES["meta-rl-network"]
    instances = built(family, "kinks", "kl-step", 7, 3)
    assert family.batch_of is not None
    assert any(family.batch_of(one).instance(0) != one.canonical for one in instances)
    assert [places for places, _ in stacks(instances, family.batch_of, 3)] == [[0, 1, 2]]


def test_stacks_of_other_depths_give_each_instance_back() -> None:
    """Instances with one and two atoms at a point."""
    family = FAMILIES["meta-sl"]
    (deep,) = built(family, "arbitrary", "squared", 1, 1)
    tasks = tuple(replace(t, atoms=(replace(t.atoms[0], p=fmpq(1)),)) for t in deep.tasks)
    flat = replace(deep, tasks=tasks)
    assert family.batch_of is not None
    ((places, batch),) = stacks([flat, deep], family.batch_of, 2)
    assert places == [0, 1] and batch.masses.shape[3] > family.batch_of(flat).masses.shape[3]
    assert [batch.instance(b).sha256 for b in places] == [flat.sha256, deep.sha256]


def test_numbers_that_are_no_floats_are_in_no_stack() -> None:
    family = FAMILIES["meta-sl"]
    (instance,) = built(family, "arbitrary", "squared", 1, 1)
    rounded = replace(instance, radius=fmpq(1, 10))
    huge = replace(instance, radius=fmpq(10) ** 400)
    assert family.batch_of is not None and exact(instance, family.batch_of) is not None
    assert all(exact(other, family.batch_of) is None for other in (rounded, huge))
    assert not list(stacks([rounded] * 9, family.batch_of, 2))


def test_large_instances_are_stacked_in_parts_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    family = FAMILIES["network"]
    instances = mixed(family, 7, 1)
    assert family.batch_of is not None
    found = []
    for room in (100, 3, 1):
        monkeypatch.setattr("metagap.impl.stacks.CELLS", room * max(map(cells, instances)))
        found.append([places for places, _ in stacks(instances, family.batch_of, 2)])
    assert found == [[[*range(7)]], [[0, 1, 2], [3, 4, 5]], []]


@pytest.mark.ci(every=2)
@families(lambda family: family.enclosed_quantities is not None)
def test_the_verdicts_of_many_files_are_each_files_own(family: Family, tmp_path: Path) -> None:
    """As of each alone, in balls: the same verdict and reason, and sides that overlap, but along other directions."""
    instances = mixed(family, FEW, 3)
    names = [claim.name for claim in family.claims]
    told: list[Any] = []
    judge_all(saved(tmp_path, instances), None, names, told.append)
    answers: dict[int, list[ClaimJudgement]] = {}
    for one in told:
        if isinstance(one, Begun):
            answers[one.file] = found = []
            assert one.sha256 == instances[one.file].sha256
        elif isinstance(one, ClaimJudgement):
            found.append(one)
    assert list(answers) == [*range(len(instances))]
    brief = 0
    for file, instance in enumerate(instances):
        assert [one.claim for one in answers[file]] == names
        alone: list[Any] = []
        judge_all([tmp_path], instance, names, alone.append)
        rights = (right for right in alone if isinstance(right, ClaimJudgement))
        for one, right in zip(answers[file], rights, strict=True):
            assert (one.verdict, one.reason) == (right.verdict, right.reason)
            brief += one.brief
            for side, other in ((one.side, right.side), (one.bound, right.bound)):
                if one.verdict is not Verdict.OUTSIDE and not (one.brief and one.claim.endswith(ALONG)):
                    assert side is not None and other is not None
                    assert side.lo <= other.hi and other.lo <= side.hi, (file, one.claim)
    assert brief > len(names) * len(instances) / 4


def test_arrays_decide_of_own_numbers() -> None:
    """Instances of one shape that differ: each has the sides of its own, and not of its neighbour's."""
    family = FAMILIES["meta-sl"]
    instances = built(family, "arbitrary", "log-cosh", 5, FEW)
    lifted = "meta-sl-lifted"
    for judged, instance in zip(decided(instances, [lifted]), instances, strict=True):
        right = judge(instance)[lifted].bound
        bound = judged[lifted].bound
        assert bound is not None and right is not None and bound.lo <= right.lo and right.hi <= bound.hi


def test_bad_files_are_a_line_each_and_the_others_are_judged(tmp_path: Path) -> None:
    instances = mixed(FAMILIES["meta-sl"], FEW, 1)
    paths = saved(tmp_path, instances)
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    given = [*paths[:2], tmp_path / "bad.json", *paths[2:], tmp_path / "missing.json"]
    chosen = ["--claim", "meta-sl-lifted", "--claim", "meta-sl-s1"]
    out = tmp_path / "out.json"
    done = CliRunner().invoke(app, ["judge", *map(str, given), *chosen, "--json", str(out)])
    assert done.exit_code == 2
    bad, missing = done.stderr.splitlines()
    assert bad.startswith(f"metagap: {tmp_path / 'bad.json'}: line 1") and "missing.json" in missing
    assert done.stdout.splitlines()[-1].startswith(f"{FEW} files: ") and done.stdout.endswith("; 2 not read\n")
    text = out.read_text(encoding="utf-8")
    record = json.loads(text)
    assert text == written(record)
    assert [one and one["instance"] for one in record] == [
        *(i.sha256 for i in instances[:2]), None, *(i.sha256 for i in instances[2:]), None,
    ]  # fmt: skip


def test_without_a_file_that_can_be_read_nothing_is_written(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("a.json", "b.json")]
    done = CliRunner().invoke(app, ["judge", *paths, "--json", str(tmp_path / "out.json")])
    assert done.exit_code == 2 and not done.stdout and not list(tmp_path.iterdir())
    assert [line.split(":")[1].strip() for line in done.stderr.splitlines()] == paths


def test_a_folder_is_its_files(tmp_path: Path) -> None:
    """Those directly in it that are called *.json, by name, whatever they are; of one file, too, there is a row."""
    place = tmp_path / "runs"
    paths = saved(place, built(FAMILIES["meta-sl"], "arbitrary", "squared", 1, 2))
    paths += [place / "bad.json", place / "nowhere.json"]
    paths[2].write_text("{}")
    paths[3].symlink_to("none")
    saved(place / "below.json", built(FAMILIES["meta-sl"], "arbitrary", "squared", 2, 1))
    (place / "notes.txt").write_text("nothing")
    given = ["--claim", "meta-sl-lifted", "--json", str(tmp_path / "out.json")]
    ends = []
    for named in (map(str, paths), [str(place)]):
        done = CliRunner().invoke(app, ["judge", *named, *given])
        ends.append((done.exit_code, done.stdout, done.stderr, (tmp_path / "out.json").read_text()))
    assert ends[0] == ends[1] and ends[0][0] == 2 and ends[0][2].count("\n") == 2
    assert "2 files: 2 PROVED; 2 not read" in ends[0][1]
    into = CliRunner().invoke(app, ["judge", str(place), "--json", str(paths[0])])
    assert into.exit_code == 2 and "this is the input" in into.stderr and not into.stdout
    alone = CliRunner().invoke(app, ["judge", str(place / "below.json"), *given])
    assert alone.exit_code == 0 and "worst claim" in alone.stdout
    assert len(json.loads((tmp_path / "out.json").read_text())) == 1


def test_a_file_that_is_not_read_is_told_by_the_status_whatever_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = saved(tmp_path, built(FAMILIES["meta-sl"], "arbitrary", "squared", 1, 2))
    right = judging.judge_claim
    monkeypatch.setattr(judging, "judge_claim", lambda *a, **b: replace(right(*a, **b), verdict=Verdict.VIOLATED))
    ends = []
    for _ in range(2):
        ends.append(CliRunner().invoke(app, ["judge", str(tmp_path), "--claim", "meta-sl-lifted"]))
        paths[0].write_text("{}")
    assert [done.exit_code for done in ends] == [1, 2]
    assert ends[1].stdout.endswith("1 file: 1 VIOLATED; 1 not read\n")


def test_files_of_another_kind_are_refused_together(tmp_path: Path) -> None:
    paths = saved(tmp_path, built(FAMILIES["meta-sl"], "arbitrary", "squared", 1, 2))
    done = CliRunner().invoke(app, ["judge", *map(str, paths), "--claim", "network-lifted"])
    assert done.exit_code == 2 and not done.stdout
    assert f"{paths[0]}: problem='meta-sl': an instance of network, " in done.stderr


def test_files_are_read_and_judged_so_many_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = saved(tmp_path, built(FAMILIES["meta-sl"], "arbitrary", "squared", 1, 5))
    monkeypatch.setattr(judging, "MOST", 2)
    told: list[Any] = []
    judge_all(paths, None, ["meta-sl-s1"], told.append)
    steps = [
        "reads" if str(one).startswith("reading") else one.file
        for one in told
        if not isinstance(one, ClaimJudgement) and (isinstance(one, Begun) or str(one).startswith("reading"))
    ]
    assert steps == ["reads", "reads", 0, 1, "reads", "reads", 2, 3, "reads", 4]


def test_files_of_one_folder_are_named_without_it(tmp_path: Path) -> None:
    instances = built(FAMILIES["meta-sl"], "arbitrary", "squared", 1, 2)
    names = []
    for one, other in (("a", "a"), ("a", "b")):
        folders = tmp_path / one, tmp_path / other
        paths = [saved(folder, instances)[k] for k, folder in enumerate(folders)]
        done = CliRunner().invoke(app, ["judge", *map(str, paths), "--claim", "meta-sl-s1"])
        names.append([line.split()[0] for line in done.stdout.splitlines() if paths[1].name in line.split()])
    assert names == [[paths[1].name], []]


def test_a_row_says_what_is_worst() -> None:
    """Violated before open before tight; why, below the table."""
    from metagap.reports.cli.judged import _worst

    def one(name: str, verdict: str, ratio: float) -> ClaimJudgement:
        return replace(judged, claim=f"meta-sl-{name}", verdict=Verdict[verdict], ratio=ratio)

    (instance,) = built(FAMILIES["meta-sl"], "arbitrary", "squared", 1, 1)
    judged = next(c for c in judge(instance).claims if c.ratio is not None and c.side and c.side.middle > 0)
    rows = [one("a", "PROVED", 0.5), one("b", "PROVED", 0.75), one("c", "EQUAL", 1.0)]
    assert _worst("meta-sl", rows) == "b 0.750"
    rows.append(one("d", "UNDECIDED", 0.1))
    assert _worst("meta-sl", rows) == "d UNDECIDED"
    rows.append(one("e", "VIOLATED", 2.0))
    assert _worst("meta-sl", rows) == "e VIOLATED"


@pytest.mark.parametrize("name", ["meta-sl", "meta-rl"])
def test_points_of_one_problem_are_judged_against_one_bracket(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each were alone; a point of another problem, or one that needs another box or ball, has another."""
    from metagap.impl.optimum import headline as linear
    from metagap.impl.policies import headline as policies

    family, module, work = {
        "meta-sl": (FAMILIES["meta-sl"], linear, "minimise"), "meta-rl": (FAMILIES["meta-rl"], policies, "supremum")
    }[name]  # fmt: skip
    assert family.headline is not None and family.landscapes is not None
    variant = family.landscapes.variants[0]
    drawn = (family.landscapes.build(RandomSource(seed, 1), variant).instance(0) for seed in range(99))
    first, other = islice((one for one in drawn if one.parameters == 2), 2)
    moved = first.with_omega(tuple(v / 2 for v in first.omega))
    far = first.with_omega(tuple(v + 99 for v in first.omega))
    points = [first, moved, replace(first, radius=first.radius / 2), far, other, first]
    alone = []
    for point in points:
        module._shared.cache_clear()
        try:
            alone.append(family.headline.judged(point))
        except DefectError as error:
            pytest.fail(f"a point is outside of its bracket: {error}")
    module._shared.cache_clear()
    right, begun = getattr(module, work), []

    def counted(*given: Any, **options: Any) -> Any:
        begun.append(given)
        return right(*given, **options)

    monkeypatch.setattr(module, work, counted)
    assert [family.headline.judged(point) for point in points[:3]] == alone[:3]
    once = len(begun)
    assert once <= 2
    assert [family.headline.judged(point) for point in points[3:]] == alone[3:]
    assert len(begun) > once
    assert name == "meta-sl" or max(box for _, box, *_ in begun) > 98  # it holds the point


@pytest.mark.ci
def test_points_of_one_network_share_where_descent_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each were alone; a point of another problem begins anew."""
    from metagap.impl.optimum.networks import bracket

    family = FAMILIES["network"]
    headline, landscapes = family.headline, family.landscapes
    assert isinstance(headline, bracket.NetworkHeadline) and landscapes is not None
    first, other = (landscapes.build(RandomSource(seed, 1), "pseudo-huber").instance(0) for seed in (1, 2))
    points = [first, replace(first, omega=Weights(first.omega.floats / 2)), other]
    alone, begun, right = [], [], bracket.descended
    for point in points:
        with monkeypatch.context() as bare:
            bare.setattr(bracket, "_stop", lambda problem, start, point=point: right(point, start.floats))
            alone.append((headline.bracketed(point).stops, headline.judged(point)))
    monkeypatch.setattr(bracket, "descended", lambda *given: begun.append(given) or right(*given))
    bracket._stop.cache_clear()
    begins = []
    for point, known in zip(points, alone, strict=True):
        assert (headline.bracketed(point).stops, headline.judged(point)) == known
        begins.append(len(begun))
    assert begins == [begins[0], begins[0] + 1, 2 * begins[0] + 1]


def test_a_bracket_of_an_own_loss_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another loss may have its name in the next run."""
    from metagap.impl.optimum import headline

    family = FAMILIES["meta-sl"]
    assert family.headline is not None and family.landscapes is not None
    instance = family.landscapes.build(RandomSource(1, 1), "log-cosh").instance(0)
    right, begun = headline.minimise, []
    monkeypatch.setattr(type(instance.loss.profile), "own", True)
    monkeypatch.setattr(headline, "minimise", lambda *given, **options: begun.append(1) or right(*given, **options))
    once = [family.headline.judged(instance) for _ in range(2)]
    assert once[0] == once[1] and len(begun) in (2, 4)
