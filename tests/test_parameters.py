"""A solution as people keep it: JSON, NumPy, state_dicts; what fits nowhere is one line, and no file is run."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from metagap.impl import files
from metagap.impl.files.parameters import vector
from metagap.impl.own_tasks import from_arrays
from metagap.impl.vector_losses import VectorLoss

HALF, THIRD = fmpq(1, 2), fmpq(-3, 4)


def safetensors(path: Path, tensors: dict[str, np.ndarray], **changed: Any) -> Path:
    header, body = {}, b""
    for name, values in tensors.items():
        dtype = changed.get("dtype", {"f8": "F64", "f4": "F32", "i8": "I64"}[values.dtype.str[1:]])
        offsets = [len(body), len(body) + values.nbytes]
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": offsets}
        header[name].update(changed.get("entry", {}))
        body += values.tobytes()
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body + changed.get("more", b""))
    return path


def kept(folder: Path, kind: str) -> Path:
    values, path = np.array([[0.5, -0.75]]), folder / f"omega.{kind}"
    if kind == "json":
        path.write_text("[[0.5], [-0.75]]")
    elif kind == "npy":
        np.save(path, values.ravel())
    elif kind == "npz":
        np.savez(path, step=np.array(7), w=values.T)
    elif kind == "safetensors":
        safetensors(path, {"weight": values.astype(np.float32), "step": np.array([3])})
    else:
        torch = pytest.importorskip("torch")
        torch.save({"state_dict": {"linear.weight": torch.tensor(values, dtype=torch.float32)}, "epoch": 3}, path)
    return path


@pytest.mark.parametrize("kind", ["json", "npy", "npz", "safetensors", "pt", "pth"])
def test_every_kind_is_read_exactly(kind: str, tmp_path: Path) -> None:
    path = kept(tmp_path, kind)
    assert files.load_vector(path, 2) == (HALF, THIRD)
    with pytest.raises(files.BadInputError) as refused:
        files.load_vector(path, 3)
    said = str(refused.value)
    assert "\n" not in said and "3 numbers" in said
    assert kind == "json" or "(1, 3)" in said, "the shapes that fit"
    assert kind == "json" or "(2" in said or "2)" in said, "the shape that was given"


def test_names_and_shapes_of_a_state_dict_are_told(tmp_path: Path) -> None:
    path = safetensors(tmp_path / "w.safetensors", {"weight": np.zeros((1, 2)), "bias": np.zeros(1)})
    with pytest.raises(files.BadInputError, match=r"weight \(1, 2\), bias \(1,\).*one array of 3 numbers"):
        files.load_vector(path, 3)
    path = safetensors(tmp_path / "two.safetensors", {"a": np.zeros(2), "b": np.ones(2)})
    with pytest.raises(files.BadInputError, match="give the parameter alone"):
        files.load_vector(path, 2)


def test_a_solution_with_several_outputs_is_a_row_for_each() -> None:
    problem = from_arrays(np.eye(2), np.array([0, 2]), ["a", "a"], loss=VectorLoss("softmax", outputs=3), eta=fmpq(1))
    assert problem.shape_of_omega == (3, 2)
    with pytest.raises(files.BadInputError, match="row"):
        vector(np.zeros(6), *problem.shape_of_omega)


@pytest.mark.parametrize("kind", ["npy", "json"])
def test_a_matrix_is_never_read_in_an_order_that_nobody_said(kind: str, tmp_path: Path) -> None:
    """Three rows of two numbers: not two of three, and not six in a row."""
    path, right = tmp_path / f"W.{kind}", np.arange(6.0).reshape(3, 2)
    for given in (right, right.T, right.ravel()):
        np.save(path, given) if kind == "npy" else path.write_text(json.dumps(given.tolist()))
        if given is right:
            assert files.load_vector(path, 3, 2) == tuple(map(fmpq, range(6)))
            continue
        with pytest.raises(files.BadInputError, match="transpose" if given.ndim == 2 else "row") as refused:
            files.load_vector(path, 3, 2)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"entry": {"dtype": "C64"}}, "dtype"),
        ({"entry": {"data_offsets": [8, 24]}}, "data_offsets"),
        ({"entry": {"shape": [3]}}, "data_offsets"),
        ({"entry": {"shape": [-1, -2]}}, "shape"),
        ({"entry": {"surplus": 1}}, "surplus"),
        ({"more": b"12345678"}, "data_offsets"),
    ],
)
def test_safetensors_that_are_not_what_they_say_are_refused(changed: Any, word: str, tmp_path: Path) -> None:
    path = safetensors(tmp_path / "w.safetensors", {"w": np.zeros(2)}, **changed)
    with pytest.raises(files.BadInputError, match=word) as refused:
        files.load_vector(path, 2)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\x01", b"\xff" * 9, b"\x02\0\0\0\0\0\0\0[]", b"\x02\0\0\0\0\0\0\0{]"])
def test_bytes_that_are_no_safetensors_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(files.BadInputError):
        files.load_vector(tmp_path / "w.safetensors", 2)


class Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


def test_nothing_in_a_pickle_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Runs()}, "w.pt")
    Path("v.pt").write_bytes(pickle.dumps(Runs()))
    Path("x.pt").write_bytes(b"nothing")
    np.save("w.npy", np.array([Runs()], dtype=object), allow_pickle=True)
    for name in ("w.pt", "v.pt", "x.pt", "w.npy"):
        with pytest.raises(files.BadInputError) as refused:
            files.load_vector(name, 1)
        assert "\n" not in str(refused.value)
    assert not Path("ran").exists()


def test_lists_arrays_and_tensors_are_vectors() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([[0.5, -0.75]], dtype=torch.bfloat16, requires_grad=True)
    for values in ([0.5, -0.75], np.array([[0.5], [-0.75]]), tensor):
        assert vector(values, 2) == (HALF, THIRD)
    for bad in ([0.5, float("nan")], [[0.5], [1, 2]], ["a", "b"], [1j, 2]):
        with pytest.raises(files.BadInputError):
            vector(bad, 2)
