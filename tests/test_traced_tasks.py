"""Tasks as others hand them out: loaders, and the structures of learn2learn and torchmeta, which are not imported."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from metagap.impl.files import BadInputError
from metagap.theory.claim import Verdict

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")

from metagap.impl.traced.episodes import Episodes, tasks_of  # noqa: E402
from metagap.torch import SGD, Task, certify, check_gradient, judge  # noqa: E402
from torch.utils.data import DataLoader, Dataset, TensorDataset, default_collate  # noqa: E402

torch.set_num_threads(1)
WAYS, SHOTS = 3, 2


class TaskDataset:
    """As learn2learn's: a task is (inputs, labels), each class's 2 shots one after another; without an end at -1."""

    def __init__(self, num_tasks: int, regression: bool = False) -> None:
        self.num_tasks, self.regression = num_tasks, regression

    def sample(self, k: int = 0) -> tuple[Any, Any]:
        draw = torch.Generator().manual_seed(k)
        x = torch.randn(2 * SHOTS * WAYS, 4, generator=draw)
        y = torch.arange(WAYS).repeat_interleave(2 * SHOTS)
        return x, x[:, :1] if self.regression else y

    def __len__(self) -> int:
        return max(self.num_tasks, 1)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        k = 0
        while k != self.num_tasks:
            yield self.sample(k)
            k += 1


class MetaDataset(Dataset):  # type: ignore[misc]
    """As torchmeta's: a task is a dict of two datasets of points."""

    def __init__(self, names: tuple[str, str] = ("train", "test")) -> None:
        self.names = names

    def __len__(self) -> int:
        return 6

    def __getitem__(self, k: int) -> Any:
        x, y = TaskDataset(6).sample(k)
        rows = torch.arange(len(x)) % 2 == 0
        halves = (TensorDataset(x[own], y[own]) for own in (rows, ~rows))
        return OrderedDict(zip(self.names, halves, strict=True))


def collated(batch: list[Any]) -> Any:
    """As torchmeta's BatchMetaCollate: points of each task, then tasks."""
    return default_collate(
        [OrderedDict((n, default_collate([d[j] for j in range(len(d))])) for n, d in task.items()) for task in batch]
    )


def meta_loader(batch_size: int = 3, **kept: Any) -> Any:
    return DataLoader(MetaDataset(**kept), batch_size=batch_size, collate_fn=collated)


def same(found: list[Task], wanted: list[Task]) -> bool:
    """Whether tasks are equal, number by number."""
    return len(found) == len(wanted) and all(
        torch.equal(a, b)
        for one, other in zip(found, wanted, strict=True)
        for a, b in zip((*one.support, *one.query), (*other.support, *other.query), strict=True)
    )


def by_hand(count: int, regression: bool = False) -> list[Task]:
    """The tasks of `TaskDataset`, as learn2learn's examples split them."""
    tasks = []
    for k in range(count):
        x, y = TaskDataset(count, regression).sample(k)
        adapt = np.zeros(len(x), dtype=bool)
        adapt[np.arange(SHOTS * WAYS) * 2] = True
        tasks.append(Task((x[adapt], y[adapt]), (x[~adapt], y[~adapt])))
    return tasks


def test_the_tasks_of_learn2learn() -> None:
    assert same(tasks_of(Episodes(TaskDataset(3), "even-odd")), by_hand(3))
    assert same(tasks_of(Episodes(TaskDataset(-1), "even-odd", count=2)), by_hand(2))
    assert same(tasks_of(Episodes([TaskDataset(1).sample(0)], "even-odd")), by_hand(1))
    assert same(tasks_of(Episodes(TaskDataset(1).sample(0), "even-odd")), by_hand(1))
    x, y = TaskDataset(1).sample(0)
    mask = torch.arange(12) % 4 < 1
    for split, rows in ((mask, mask), (mask.tolist(), mask), (5, torch.arange(12) < 5)):
        (task,) = tasks_of(Episodes([(x, y)], split))
        assert same([task], [Task((x[rows], y[rows]), (x[~rows], y[~rows]))])
    (task,) = tasks_of(Episodes([(x.numpy(), y.numpy())], "same"))
    assert same([task], [Task((x, y), (x, y))])


@pytest.mark.parametrize("names", [("train", "test"), ("support", "query")])
def test_the_tasks_of_torchmeta(names: tuple[str, str]) -> None:
    """Its loader, one batch of it, and a list of batches."""
    assert same(tasks_of(meta_loader(names=names)), by_hand(6))
    assert same(tasks_of(Episodes(meta_loader(names=names), count=4)), by_hand(4))
    batch = next(iter(meta_loader(names=names)))
    assert tuple(batch[names[0]][0].shape) == (3, WAYS * SHOTS, 4)
    assert same(tasks_of(batch), by_hand(3)) and same(tasks_of([batch]), by_hand(3))


def test_a_loader_for_each_task() -> None:
    """Its batches are put together again."""
    loaders = [DataLoader(TensorDataset(*TaskDataset(2).sample(k)), batch_size=5) for k in range(2)]
    assert same(tasks_of(Episodes(loaders, "even-odd")), by_hand(2))


def test_a_loader_of_episodes() -> None:
    """One by one, or collated; pairs with a split, and pairs of pairs."""
    pairs = [TaskDataset(4, regression=True).sample(k) for k in range(4)]
    halves = [(task.support, task.query) for task in by_hand(4, regression=True)]
    wanted = by_hand(4, regression=True)
    assert same(tasks_of(Episodes(DataLoader(pairs, batch_size=None), "even-odd")), wanted)
    assert same(tasks_of(Episodes(DataLoader(pairs, batch_size=2), "even-odd", stacked=True)), wanted)
    assert same(tasks_of(DataLoader(halves, batch_size=None)), wanted)
    assert same(tasks_of(Episodes(DataLoader(halves, batch_size=3), stacked=True)), wanted)
    points = TensorDataset(*(torch.cat(column) for column in zip(*pairs, strict=True)))
    episodes = [list(range(12 * k, 12 * k + 12)) for k in range(4)]
    assert same(tasks_of(Episodes(DataLoader(points, batch_sampler=episodes), "even-odd", stacked=False)), wanted)
    labelled = TensorDataset(points.tensors[0], torch.arange(48) % 3)
    found = tasks_of(Episodes(DataLoader(labelled, batch_sampler=episodes), 3))
    assert len(found) == 4 and all(len(task.support[1]) == 3 for task in found)


def test_what_is_not_said_is_asked_for_and_what_is_wrong_is_one_line() -> None:
    x, y = TaskDataset(1).sample(0)
    stacked = DataLoader([TaskDataset(2, regression=True).sample(k) for k in range(2)], batch_size=2)
    ragged = {"train": (torch.zeros(3, 4, 2), torch.zeros(3, 4)), "test": (torch.zeros(2, 4, 2), torch.zeros(2, 4))}
    for given, words in (
        ([(x, y)], "are the support's"),
        (Episodes([(x, y)], "odd-even"), "'even-odd', 'same'"),
        (Episodes([(x, y)], True), "'even-odd', 'same'"),
        (Episodes([(x, y)], [True, False]), "12 rows"),
        (Episodes([(x, y)], 12), "rows for support and query"),
        (Episodes([(x, y)], 0), "rows for support and query"),
        (Episodes([(x, y[1:])], "even-odd"), "as many inputs as labels"),
        (Episodes([(x[:0], y[:0])], "same"), "at least one"),
        (Episodes([((x, y), (x, y))], "same"), "none: task 0 says itself"),
        (Episodes(meta_loader(), "even-odd"), "none: task 0 says itself"),
        (Episodes([Task((x, y), (x, y))], 3), "none: task 0 says itself"),
        (Episodes(stacked, "even-odd"), "whether the first axis is tasks"),
        (Episodes(DataLoader(TensorDataset(x, y)), 1, stacked=True), "as stacked says"),
        (Episodes(TaskDataset(-1), "even-odd"), "a number of tasks"),
        (Episodes(TaskDataset(2), "even-odd", count=3), "as many as count says"),
        (Episodes(TaskDataset(2), "even-odd", count=0), "count"),
        (ragged, "as many tasks"),
        ({"train": (x, y), "test": x}, "under each of these names"),
        ({"train": (x[0, 0], y[0]), "test": (x, y)}, "as many tasks"),
        ({"a": (x, y)}, "a dict of train and test"),
        ([x, y], "are the support's"),
        (Episodes((x, x[:, :1]), "same"), "whether the first axis is tasks"),
        ([x, y, x], "a Task"),
        ([None], "a Task"),
        ((x, y, x), "a Task"),
        (Episodes([DataLoader([{"x": x}])], 1), "batches (inputs, labels)"),
        (x, "a list of tasks"),
        (3, "a list of tasks"),
    ):
        with pytest.raises(BadInputError) as caught:
            tasks_of(given)
        assert words in str(caught.value) and "\n" not in str(caught.value), (words, str(caught.value))


def model_at(seed: int) -> Any:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh(), torch.nn.Linear(4, WAYS)).double()


@pytest.mark.ci
def test_all_three_questions_take_sources_and_states() -> None:
    """The same answers as with tasks and a model of those parameters."""
    model, other, rival = model_at(0), model_at(1), model_at(2)
    asked = {"inner": SGD(0.1), "loss": "cross_entropy"}
    source, tasks = Episodes(TaskDataset(2), "even-odd"), by_hand(2)
    first = judge(model, source, comparator=rival.state_dict(), omega=other.state_dict(), **asked)
    again = judge(other, tasks, comparator=rival, **asked)
    assert first["lifted"].verdict is Verdict.PROVED
    assert (first.gap, first.eps, first.value) == (again.gap, again.eps, again.value)
    answer = certify(model, meta_loader(2), comparator=rival.state_dict(), omega=other, **asked)
    assert answer.value.lo <= answer.value.hi and answer.gap.hi >= answer.gap.lo >= 0

    def loss(p: Any, pair: Any) -> Any:
        return torch.nn.functional.cross_entropy(torch.func.functional_call(other, p, (pair[0].double(),)), pair[1])

    p = dict(other.named_parameters())
    total: Any = 0
    for task in tasks:
        slopes = torch.autograd.grad(loss(p, task.support), list(p.values()), create_graph=True)
        total = total + loss({n: v - 0.1 * g for (n, v), g in zip(p.items(), slopes, strict=True)}, task.query) / 2
    total.backward()
    batch = next(iter(meta_loader(2)))
    found = check_gradient([v.grad for v in p.values()], model, batch, omega=other.state_dict(), **asked)
    assert found.name == "maml", found.message
    assert check_gradient([v.grad for v in p.values()], model, batch, **asked).name == "unknown"


def test_states_that_are_of_no_such_model_are_one_line() -> None:
    own = model_at(0).state_dict()
    first = next(iter(own))
    for state, words in (
        ({n: v for n, v in own.items() if n != first}, "it is missing"),
        ({**own, "extra": torch.zeros(1)}, "no such array"),
        ({**own, first: torch.zeros(2)}, "an array of shape (4, 4)"),
        ({**own, first: own[first] * float("nan")}, "finite"),
        ([1.0], "a state_dict or a module"),
    ):
        with pytest.raises(BadInputError) as caught:
            judge(model_at(0), by_hand(1), inner=SGD(0.1), loss="cross_entropy", comparator=model_at(1), omega=state)
        assert words in str(caught.value) and "\n" not in str(caught.value)
