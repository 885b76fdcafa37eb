"""Tables, arrays and archives of a user's tasks: three ways to one instance, and what is wrong in them in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flint import fmpq
from metagap.impl import files
from metagap.impl.families import loads
from metagap.impl.losses import Loss
from metagap.impl.own_tasks import TaskSource, from_arrays
from metagap.impl.supervised.adaptation import Gradient
from metagap.reports.cli import app

from .test_own_tasks import CSV, runner, write


def test_arrays_csv_and_archives_are_one_instance(tmp_path: Path) -> None:
    features, labels, names = [[0.5, 2], [1, 0], [0.5, 2]], [1, -1, 1], ["first", "first", "second"]
    arrays = from_arrays(features, labels, names)
    np.savez(tmp_path / "tasks.npz", X=np.array(features), y=np.array(labels), task=np.array(names))
    table = TaskSource(write(tmp_path, CSV)).load()
    archive = TaskSource(str(tmp_path / "tasks.npz")).load()
    assert arrays.sha256 == table.sha256 == archive.sha256
    assert len(arrays.features) == 2, "equal rows are one support point, which the two tasks share"
    assert [len(task.atoms) for task in arrays.tasks] == [2, 1]
    assert loads(files.dumps(arrays)) == arrays


def test_other_columns_may_name_task_and_label(tmp_path: Path) -> None:
    renamed = CSV.replace("task,y", "user,score")
    named = TaskSource(write(tmp_path, renamed), task="user", label="score").load()
    assert named == TaskSource(write(tmp_path, CSV)).load()


@pytest.mark.parametrize("name", ["fold", "index", "id", " Fold"])
def test_a_doubtful_column_is_a_feature_only_if_it_is_said(name: str, tmp_path: Path) -> None:
    place = write(tmp_path, CSV.replace("task,y,a,b", f"task,y,a,{name}"))
    with pytest.raises(files.BadInputError, match=rf"header\[3\]='{name}'.*--ignore {name} .*--feature {name} "):
        TaskSource(place).load()
    assert TaskSource(place, features=(name,)).load() == TaskSource(write(tmp_path, CSV, "plain.csv")).load()
    alone = TaskSource(write(tmp_path, "task,y,a\nfirst,1,0.5\nfirst,-1,1\nsecond,1,0.5\n", "alone.csv")).load()
    assert TaskSource(place, ignored=(name,)).load() == alone
    assert TaskSource(place, label=name, ignored=("y",)).load() != alone, "an option has given it a meaning"


@pytest.mark.ci
def test_columns_that_are_left_out_need_no_numbers(tmp_path: Path) -> None:
    place = write(tmp_path, CSV.replace(",2\n", ",two\n"))
    shown = runner.invoke(app, ["audit", place, "--ignore", "b", "--json", "-"])
    assert shown.exit_code == 0, shown.output
    for options, words in (
        (["--ignore", "c"], "--ignore='c': a column beside the task's"),
        (["--ignore", "y"], "--ignore='y': a column beside the task's"),
        (["--feature", "c"], "--feature='c': a column beside the task's"),
        (["--ignore", "a", "--ignore", "b"], "at least one row and one feature"),
        (["--ignore", "b", "--feature", "b"], "a column that is not given to --ignore"),
    ):
        result = runner.invoke(app, ["audit", place, *options])
        assert result.exit_code == 2 and result.stderr.count("\n") == 1 and words in result.stderr, result.stderr
    for source in ("sklearn:iris", str(tmp_path / "none.json")):
        with pytest.raises(files.BadInputError, match="--ignore='b': columns are those of a CSV file"):
            TaskSource(source, ignored=("b",)).load()


@pytest.mark.parametrize("name", ["fold", "weights", "z", "x", "labels"])
def test_an_archive_has_no_arrays_that_nobody_reads(name: str, tmp_path: Path) -> None:
    place, three = tmp_path / "tasks.npz", {"X": np.eye(2), "y": np.ones(2), "task": np.array(["a", "b"])}
    np.savez(place, **three)
    plain = TaskSource(str(place)).load()
    np.savez(place, **three, **{name: np.ones(2)})
    with pytest.raises(files.BadInputError, match=f"array='{name}': one of the arrays X, y, task.*--ignore {name}"):
        TaskSource(str(place)).load()
    assert TaskSource(str(place), ignored=(name,)).load() == plain
    for other in ("X", "w"):
        with pytest.raises(files.BadInputError, match=f"--ignore='{other}': another array than X, y, task"):
            TaskSource(str(place), ignored=(other,)).load()


def test_the_default_step_is_at_most_half_of_the_inverse_curvature() -> None:
    """Squared loss, one task, x = 3: the Hessian is 9."""
    made = from_arrays([[3.0]], [1.0], ["one"])
    assert isinstance(made.adaptation, Gradient)
    assert fmpq(1, 36) < made.adaptation.eta <= fmpq(1, 18)
    assert from_arrays([[3.0]], [1.0], ["one"], eta=fmpq(1, 3)).adaptation == Gradient(fmpq(1, 3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header"),
        ("task,a\nx,1\n", "one column named 'y'"),
        ("task,y,y\nx,1,1\n", "one column named 'y'"),
        ("task,y,a\nx,1\n", "line 2"),
        ("task,y,a\nx,one,1\n", "line 2, column y='one'"),
        ("task,y,a\nx,1,nan\n", "line 2, column a='nan': a finite number; fill it"),
        ("task,y,a\nx,cat,1\n", "column y='cat': a number; number the classes"),
        ("task,y,a\nx,1,low\n", "column a='low': a number; write it as one, or give --ignore a"),
        ("task,y,a\n", "at least one row"),
        ("task,y\nx,1\n", "at least one row and one feature"),
        ("task,y,a\nx,,1\n", "line 2, column y='': a number, not an empty field"),
        ("task,y,a\n\nx,1,1\n ,1,1\n", "line 4, column task=' ': the name of a task"),
        (",task,y,a\n0,x,1,1\n", r"header\[0\]='': a name for every column"),
        ("task;y;a\nx;1;1\n", "separated by commas, not by ';'"),
    ],
)
def test_bad_csv_is_one_line_that_names_the_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(files.BadInputError, match=message) as error:
        TaskSource(write(tmp_path, text)).load()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task,y,a\n\nx,1,1\nx,0.5,1\n", r"tasks.csv: line 4, column y=0.5: -1 or 1"),
        ("task,y,a,Weight\nx,1,1,1\nx,1,1,-2\n", "line 3, column Weight=-2.0: a number >= 0"),
        ("task,y,a,task_weight\nx,1,1,1\nx,1,1,2\n", "line 3, column task_weight=2.0: one weight in all rows"),
    ],
)
def test_what_is_wrong_with_a_row_of_a_csv_file_is_named_by_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(files.BadInputError, match=message):
        TaskSource(write(tmp_path, text), loss=Loss("logistic")).load()


def test_blank_lines_are_none_and_a_missing_file_is_said_to_be(tmp_path: Path) -> None:
    assert TaskSource(write(tmp_path, CSV + "\n\n")).load() == TaskSource(write(tmp_path, CSV, "tight.csv")).load()
    for name in ("none.csv", "none.npz"):
        with pytest.raises(files.BadInputError, match=rf"path='.*{name}': .*\(no such file or directory\)"):
            TaskSource(str(tmp_path / name)).load()


def test_bad_arrays_are_refused() -> None:
    for name in (float("nan"), "", ["a"]):
        with pytest.raises(files.BadInputError, match=r"tasks\[1\]=.*the name of a task"):
            from_arrays([[1.0], [2.0]], [1.0, 2.0], ["a", name])
    with pytest.raises(files.BadInputError, match="; write 0 as -1"):
        from_arrays([[1.0], [2.0]], [1.0, 0.0], ["a", "a"], loss=Loss("logistic"))
    with pytest.raises(files.BadInputError, match="labels"):
        from_arrays([[1.0]], [1.0, 2.0], ["a"])
    with pytest.raises(files.BadInputError, match="tasks"):
        from_arrays([[1.0]], [1.0], ["a", "b"])
    with pytest.raises(files.BadInputError, match="features"):
        from_arrays([1.0], [1.0], ["a"])
    with pytest.raises(files.BadInputError, match=r"labels\[1\]=0\.5: -1 or 1, for the logistic loss"):
        from_arrays([[1.0], [2.0]], [1.0, 0.5], ["a", "a"], loss=Loss("logistic"))
    with pytest.raises(files.BadInputError, match="one of iris"):
        TaskSource("sklearn:nothing").load()


@pytest.mark.parametrize("code", [0x110000, 0xFFFFFFFF, 0xD800])
@pytest.mark.parametrize("order", "<>")
def test_text_of_no_characters_is_refused(code: int, order: str, tmp_path: Path) -> None:
    """numpy itself ends in a SystemError there."""
    names = np.array([65, code], f"{order}u4").view(f"{order}U1")
    np.savez(tmp_path / "tasks.npz", X=np.ones((2, 1)), y=np.ones(2), task=names)
    with pytest.raises(files.BadInputError, match=r"task=.*text of Unicode characters"):
        TaskSource(str(tmp_path / "tasks.npz")).load()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array(["2020-01-01", "NaT"], "M8[D]"), "real numbers"),
        (np.array([1j, 2]), "real numbers"),
        (np.array([1, None], object), "real numbers"),
        (["1", "2"], "real numbers"),
        ([[1.0], [1.0, 2.0]], "numbers"),
        (np.array([2**53 + 1, 1]), "float64 holds exactly"),
        (np.array([1, 2], np.longdouble) + np.finfo(np.longdouble).eps, "float64 holds exactly"),
    ],
)
def test_labels_that_are_no_float64_numbers_are_refused(values: object, words: str) -> None:
    with pytest.raises(files.BadInputError, match=f"labels.*{words}"):
        from_arrays([[1.0], [2.0]], values, ["a", "b"])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("task,y,a,a\nx,1,1,2\n", r"header\[3\]='a': another name than header\[2\]"),
        ("task,y,a\nx\0,1,1\n", "line 2='x.*without control characters are required"),
        ("task,y,a\nx,1,1_6\n", "line 2, column a='1_6': a number; write it as one"),
        ("task,y,a\nx,1,\uff11\n", "line 2, column a="),
        ('task,y,a\nx,1,"1"junk\n', "line 2=.*CSV"),
        ("task,y,a\nx,1,1,junk\n", "line 2=.*3 fields"),
    ],
)
def test_csv_that_other_readers_take_otherwise_is_refused(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(files.BadInputError, match=place):
        TaskSource(write(tmp_path, text)).load()
