"""metagap for PyTorch: `judge`, `check_gradient` and `certify` for any module, any tasks and any inner loop.

from metagap.torch import SGD, Task, check_gradient
found = check_gradient([p.grad for p in model.parameters()], model, tasks, inner=SGD(lr=0.01), loss="mse")
assert found.name == "maml", found.message

The loss "mse" is the mean of (z - y)^2/2, half of torch's mse_loss: of that, loss=torch.nn.functional.mse_loss.
Tasks are `Task`s, or any source that `Episodes` knows: DataLoaders, learn2learn's and torchmeta's formats.
"""

from metagap.impl.extras import require

require("torch", purpose="judge PyTorch models")

from metagap.impl.task_tables import Task  # noqa: E402
from metagap.impl.traced.asking import certify, judge  # noqa: E402
from metagap.impl.traced.diagnosing import check_gradient  # noqa: E402
from metagap.impl.traced.episodes import Episodes  # noqa: E402
from metagap.impl.traced.learner import SGD  # noqa: E402

__all__ = ["SGD", "Episodes", "Task", "certify", "check_gradient", "judge"]
