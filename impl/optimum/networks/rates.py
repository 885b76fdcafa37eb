r"""How the linearisation error of networks falls with the width, and where it does not: N3 and N4 as measured series.

W0 is Gaussian, N(0, I_d/d), b = +-1; all quantities are suprema over the ball ||W - W0||_F <= B, or what an adversary
reaches there. float64 throughout: these are measurements with confidence intervals, not verdicts.

N3. If P(|a'x| <= t) <= c t/||a|| for all a, t, and ||x|| <= 1, then for every W0

    sup_W ||f - phi_0'W||^2_{L2} <= (c B^3/(3m)) (sum_r ||W0_r||^{-2})^{1/2},    in expectation, for d >= 3,
    E sup_W ||f - phi_0'W||^2_{L2} <= (c/3) (d/(d-2))^{1/2} B^3 m^{-1/2}.

  Proof. |f - phi_0'W| <= m^{-1/2} sum d_r (1 - a_r/d_r)_+; by Cauchy-Schwarz its square is at most (B^2/m) sum (1 -
  a_r/d_r)_+^2. E_x (1 - a/d)_+^2 = int_0^1 2(1-s) P(a <= sd) ds <= c d/(3||W0_r||); Cauchy-Schwarz in r. The hypothesis
  is uniform in a, so W may depend on W0: the supremum is inside. E||W0_r||^{-2} = d/(d-2), and Jensen. On the sphere of
  R^3 c = 1 (Archimedes). For d <= 2 the expectation is infinite; for d = 1 the rate is false although c = 1.

N4. At one atom x the closed form of `theory.network` holds, and with p0 = (2d/pi)^{1/2}/||x||, the density of |W0_r'x|,

    E sup_W |f - phi_0'W|  ~  (3/4) (p0/4)^{1/3} (B||x||)^{4/3} m^{-1/6}.

  Proof (one sign, M = m/2 neurons). For every s: V_M <= c^2/(4s) + sum (s - s_r)_+, c = B||x||, whose expectation is
  at most c^2/(4s) + M p0 s^2/2; the best s gives (3/2) 4^{-2/3} (M p0)^{1/3} c^{4/3} m^{-1/2}. From below, take all
  s_r < s.
  So an atom (hence every empirical distribution) has order m^{-1/6}, not m^{-1/4}; and so has d = 1, where a neuron
  flips for all x of one sign: the supremum over [-1, 1] is 3^{-1/2} times the atom's.

Smooth networks have m^{-1/2} at an atom. The neurons with b_r sigma''(W0_r'x) > 0 move along x by the same share of the
ball. Their remainders add up, to (1/2) mean |sigma''| m^{-1/2} at first order; no W has more than (c2/2) m^{-1/2}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from flint import ctx, fmpq

from ...arithmetic import Floats, midpoint, rational
from ...losses import Loss
from ...models.activation import ACTIVATIONS, Activation
from ...models.weights import Weights
from ...supervised.adaptation import Gradient
from ...supervised.instance import Atom, Functions, NetworkInstance, Task
from ...supervised.relu.quantities import NetworkQuantities

Array = np.ndarray

DIMENSION = 3
FINITE = (
    "$-1/6$ in the limit; steeper at these widths: the larger of both signs exceeds each, by a factor of at most "
    "$2^{1/3}$ that tends to 1"
)
"""Why the slope at an atom is not yet that of its limit."""
SPHERE_CONSTANT = 3.0**-0.25
"""N3 on the sphere of R^3: the root of the expected square is at most this times B^{3/2} m^{-1/4}."""


@dataclass(frozen=True)
class Slope:
    """The slope of log value over log width, with its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Series:
    """A quantity over the widths: means with standard errors, beside what theory says of it.

    quantity   the sentence that says what was measured
    theory     bound or asymptotic value at each width; relation: "bound" or "asymptotic"
    """

    name: str
    quantity: str
    widths: tuple[int, ...]
    means: tuple[float, ...]
    errors: tuple[float, ...]
    theory: tuple[float, ...]
    relation: str
    expected: str
    slope: Slope


def fit(widths: Sequence[int], samples: Sequence[Array]) -> Slope:
    """Least squares through log means, weighted by their standard errors where these are known."""
    x = np.log(np.array(widths, dtype=float))
    y = np.log([float(s.mean()) for s in samples])
    (slope, _), spreads = np.polyfit(x, y, 1, cov=True)
    spread = np.sqrt(spreads[0, 0]) * scipy.special.stdtrit(len(x) - 2, 0.975)
    return Slope(float(slope), float(slope - spread), float(slope + spread))


def series_of(
    name: str, quantity: str, widths: Sequence[int], samples: Sequence[Array],
    theory: Callable[[int], float], relation: str, expected: str,
) -> Series:  # fmt: skip
    """The series of samples per width, with its slope."""
    means = tuple(float(s.mean()) for s in samples)
    errors = tuple(float(s.std(ddof=1) / np.sqrt(len(s))) if len(s) > 1 else 0.0 for s in samples)
    return Series(
        name, quantity, tuple(widths), means, errors, tuple(theory(m) for m in widths), relation, expected,
        fit(widths, samples),
    )  # fmt: skip


# --- N4: the atom -------------------------------------------------------------------------------------


def worst_at_atom(near: Array, signs: Array, reach: float) -> float:
    """m^{-1/2} max_{+-} max_K [reach sqrt K - sum of the K smallest], near [m] = |W0_r'x|, reach = B ||x||.

    Of the neurons with |W0_r'x| <= t alone, if reach (sqrt(k + 1) - sqrt k) <= t for the k of each sign that there are:
    no further one lets the sum grow.
    """
    limit = reach * len(near) ** (-1 / 3)
    while True:
        below = near <= limit
        closest, sides = near[below], signs[below]
        both = [np.sort(closest[sides == sign]) for sign in (1, -1)]
        if below.all() or all(reach <= limit * (np.sqrt(len(k) + 1.0) + np.sqrt(len(k))) for k in both):
            break
        limit *= 2
    best = 0.0
    for ordered in both:
        values = reach * np.sqrt(np.arange(1.0, len(ordered) + 1)) - np.cumsum(ordered)
        best = max(best, float(values.max(initial=0.0)))
    return best / len(near) ** 0.5


def atom_constant(dimension: int) -> float:
    """C with E sup ~ C m^{-1/6} at an atom of length 1."""
    return 0.75 * ((2 * dimension / np.pi) ** 0.5 / 4) ** (1 / 3)


def atom(widths: Sequence[int], dimension: int = DIMENSION, seed: int = 0, scale: float = 1.0) -> list[Array]:
    """Samples of the worst error at an atom of length 1 for B = 1, per width; `scale` multiplies it."""
    found = []
    for m in widths:
        rng = np.random.default_rng((seed, m, dimension))
        repetitions = int(np.clip(2**23 // m, 24, 2000))
        values = []
        for _ in range(repetitions):
            near = np.abs(rng.standard_normal(m)) / dimension**0.5
            values.append(scale * worst_at_atom(near, rng.choice([-1, 1], m), 1.0))
        found.append(np.array(values))
    return found


# --- N3: the sphere ---------------------------------------------------------------------------------------


def population_norm(initial: Array, moved: Array, signs: Array, width: int) -> float:
    """||f - phi_0'W|| in L2 of the uniform law on the sphere, in closed form; the moved neurons alone matter.

    E[1{u'x > 0} 1{v'x > 0} x x'] = (1/d) [(pi - th)/(2 pi) I + sin th/(2 pi) (e1 e1' - e2 e2')], th the angle of u
    and v, e1 and e2 along u + v and u - v (unit u, v).
    """
    weights = signs[:, None] * moved
    total = 0.0
    for first, one in ((moved, 1.0), (initial, -1.0)):
        for second, other in ((moved, 1.0), (initial, -1.0)):
            total += one * other * _block(first, second, weights)
    return float(np.sqrt(max(total, 0.0) / width))


def _block(first: Array, second: Array, weights: Array) -> float:
    """sum_rs w_r' E[1{u_r'x > 0} 1{v_s'x > 0} x x'] w_s."""
    u = first / np.linalg.norm(first, axis=1)[:, None]
    v = second / np.linalg.norm(second, axis=1)[:, None]
    total, d = 0.0, u.shape[1]
    for start in range(0, len(u), 512):
        a, w = u[start : start + 512, None], weights[start : start + 512]
        plus, minus = a + v[None], a - v[None]
        p2, m2 = (plus**2).sum(2), (minus**2).sum(2)
        angle = 2 * np.arctan2(np.sqrt(m2), np.sqrt(p2))

        def along(direction: Array, squares: Array, w: Array = w) -> Array:
            left = (direction * w[:, None]).sum(2) * (direction * weights[None]).sum(2)
            return np.where(squares > 0, left / np.where(squares > 0, squares, 1.0), 0.0)

        terms = (np.pi - angle) * (w @ weights.T) + np.sin(angle) * (along(plus, p2) - along(minus, m2))
        total += float(terms.sum()) / (2 * np.pi * d)
    return total


def kink_adversary(initial: Array, signs: Array) -> tuple[Array, Array]:
    """(neurons, W rows): the worst network at the atom e_1, B = 1."""
    near = np.abs(initial[:, 0])
    members = np.flatnonzero(signs == 1)
    order = members[np.argsort(near[members])]
    values = np.sqrt(np.arange(1.0, len(order) + 1)) - np.cumsum(near[order])
    chosen = order[: int(np.argmax(values)) + 1]
    moved = initial[chosen].copy()
    moved[:, 0] -= np.sign(moved[:, 0]) / len(chosen) ** 0.5
    return chosen, moved


def cap_adversary(initial: Array, signs: Array, size: float) -> tuple[Array, Array]:
    """(neurons, W rows): the neurons of one sign within an angle of e_1, moved together across it, B = 1."""
    angle = np.arccos(np.clip(np.abs(initial[:, 0]) / np.linalg.norm(initial, axis=1), 0, 1))
    chosen = np.flatnonzero((signs == 1) & (angle <= size) & (initial[:, 0] > 0))
    moved = initial[chosen].copy()
    if len(chosen):
        moved[:, 1] += 1.0 / len(chosen) ** 0.5
    return chosen, moved


def sphere(widths: Sequence[int], repetitions: int = 6, seed: int = 0) -> tuple[list[Array], list[Array]]:
    """(best errors found, N3's bound for the same W0), per width: population norms on the sphere of R^3, B = 1."""
    found, bounds = [], []
    for m in widths:
        best, limits = [], []
        for repetition in range(repetitions):
            rng = np.random.default_rng((seed, m, repetition))
            initial = rng.standard_normal((m, DIMENSION)) / DIMENSION**0.5
            signs = rng.choice([-1, 1], m)
            tries = [kink_adversary(initial, signs)]
            tries += [cap_adversary(initial, signs, factor * m**-0.25) for factor in (0.5, 1.0, 1.5, 2.0, 3.0)]
            norms = [population_norm(initial[c], moved, signs[c], m) for c, moved in tries if len(c)]
            best.append(max(norms))
            limits.append(float(((1 / (3 * m)) * np.sqrt(((initial**2).sum(1) ** -1.0).sum())) ** 0.5))
        found.append(np.array(best))
        bounds.append(np.array(limits))
    return found, bounds


# --- data that move with the width ----------------------------------------------------------------------


def moving_instance(width: int, seed: int) -> NetworkInstance:
    """Two tasks with one atom each at an angle m^{-1/3}/2; W sends every neuron between them to one side of both."""
    rng = np.random.default_rng((seed, width))
    angle = width ** (-1 / 3) / 2
    first = np.array([1.0, 0.0, 0.0])
    second = np.array([np.cos(angle), np.sin(angle), 0.0])
    initial = rng.standard_normal((width, 3)) / 3**0.5
    drive = initial @ np.stack([first, second]).T
    wedge = (drive[:, 0] > 0) != (drive[:, 1] > 0)
    omega = initial.copy()
    # The shortest move across the nearer kink, and as far again.
    nearer = np.argmin(np.abs(drive), axis=1)
    unit = np.stack([first, second])[nearer]
    near = np.take_along_axis(drive, nearer[:, None], 1)[:, 0]
    omega[wedge] -= (1.125 * near[:, None] * unit)[wedge]
    inputs = tuple(tuple(rational(float(v)) for v in row) for row in (first, second))
    tasks = tuple(Task(fmpq(1, 2), (Atom(x, fmpq(label), fmpq(1)),)) for x, label in ((0, -1000), (1, 1000)))
    signs = tuple(int(b) for b in rng.choice([-1, 1], width))
    zero = Functions(((fmpq(0), fmpq(0)), (fmpq(0), fmpq(0))))
    return NetworkInstance(
        Loss("pseudo-huber", fmpq(1)), Gradient(fmpq(1, 1000)), inputs, tasks, signs, Weights(initial), Weights(omega),
        zero, fmpq(1),
    )  # fmt: skip


def moving_excess(width: int) -> float:
    """(1/2)((al/pi + al^2/2)^{1/2} - al/2^{1/2}) at the angle al of the width: the asymptotic excess per R ||w||."""
    angle = width ** (-1 / 3) / 2
    return float((np.sqrt(angle / np.pi + angle**2 / 2) - angle / np.sqrt(2)) / 2)


def moving(widths: Sequence[int], repetitions: int = 2) -> list[Array]:
    """(||G_0|| - eps)/||w|| on the moving data, per width, by the deciding engine."""
    found = []
    for m in widths:
        values = []
        for seed in range(repetitions):
            with ctx.workprec(64):
                at = NetworkQuantities(moving_instance(m, seed))
                values.append(midpoint((at("eps_init") - at("eps")) / at("weight_norm")))
        found.append(np.array(values))
    return found


# --- the record ------------------------------------------------------------------------------------------


def measure(smallest: int = 6, largest: int = 18, seed: int = 0) -> tuple[Series, ...]:
    """All series over the widths 2^smallest .. 2^largest (the sphere to 2^14, moving data from 2^10 to 2^16)."""
    widths = [2**e for e in range(smallest, largest + 1, 2)]
    narrow = [m for m in widths if m <= 2**14]
    wide = [m for m in widths if 2**10 <= m <= 2**16]
    constant = atom_constant(DIMENSION)
    best, limits = sphere(narrow, seed=seed)
    return (
        series_of(
            "atom",
            r"Worst $|f(x;W)-\phi_0(x)^{\top}W|$ over the ball $\|W-W_0\|\le 1$, at one input of length 1 in $R^3$: "
            "the linearisation, not the optimality gap.",
            widths, atom(widths, seed=seed), lambda m: constant * m ** (-1 / 6), "asymptotic", FINITE,
        ),
        series_of(
            "line",
            "The same supremum in $L_2$ of the uniform law on $[-1,1]$, $d=1$: $c=1$ there, and yet not of order "
            "$m^{-1/4}$.",
            widths, atom(widths, 1, seed, 3**-0.5), lambda m: 3**-0.5 * atom_constant(1) * m ** (-1 / 6),
            "asymptotic", FINITE,
        ),
        series_of(
            "sphere",
            r"Largest $\|f-\phi_0^{\top}W\|$ in $L_2$ of the uniform law on the sphere of $R^3$ that our adversaries "
            r"reach in the ball $\|W-W_0\|\le 1$: a lower bound of the supremum that N3 bounds.",
            narrow, best, lambda m: SPHERE_CONSTANT * m**-0.25, "bound",
            "for the supremum between $-1/4$ (N3, an upper bound) and $-3/8$ (conjectured); steeper here: adversaries "
            "reach lower bounds of it, whose slope need not be its",
        ),
        series_of(
            "sphere, N3 for the same W0",
            r"N3's bound of $\|f-\phi_0^{\top}W\|$ for the sampled $W_0$ themselves.",
            narrow, limits, lambda m: SPHERE_CONSTANT * m**-0.25, "bound", "$-1/4$",
        ),
        *(
            (
                series_of(
                    "moving data",
                    r"Excess $(\|G_0\|-\varepsilon)/\|w\|$ of the optimality-gap bound with initial features over "
                    r"$R\varepsilon$, two atoms at an angle $m^{-1/3}/2$: the gap bound itself improves no faster.",
                    wide, moving(wide), moving_excess, "asymptotic",
                    "$-1/6$ in the limit; flatter here, as the second term of the value dies slowly",
                ),
            )
            if len(wide) > 2
            else ()
        ),
    )  # fmt: skip


# --- smooth activations -------------------------------------------------------------------------------------


def smooth_atom(sigma: Activation, widths: Sequence[int], seed: int) -> list[Array]:
    """Samples of |f - f(W0) - phi_0'(W - W0)| that the adversary reaches for B = 1, per width."""
    found = []
    for m in widths:
        rng, values = np.random.default_rng((seed, m)), []
        for _ in range(20):
            drive, signs = rng.standard_normal(m) / DIMENSION**0.5, rng.choice([-1.0, 1.0], m)
            bent = signs * sigma.d2(Floats, drive) > 0
            here, signs = drive[bent], signs[bent]
            step = 1 / max(len(here), 1) ** 0.5
            change = sigma.value(Floats, here + step) - sigma.value(Floats, here)
            values.append(abs(float(signs @ (change - sigma.d1(Floats, here) * step))) / m**0.5)
        found.append(np.array(values))
    return found


def measure_smooth(smallest: int = 6, largest: int = 18, seed: int = 0) -> tuple[Series, ...]:
    """A series per activation over the widths 2^smallest .. 2^largest."""
    widths = [2**e for e in range(smallest, largest + 1, 2)]
    found = []
    for name, sigma in ACTIVATIONS.items():
        bound = float(sigma.curvature(Floats)) / 2
        quantity = (
            r"Largest $|f(x;W)-f(x;W_0)-\phi_0(x)^{\top}(W-W_0)|$ that our adversary reaches in the ball "
            rf"$\|W-W_0\|\le 1$, {name}, at one input of length 1 in $R^3$: an atom is no exception."
        )

        def theory(m: int, bound: float = bound) -> float:
            return bound * m**-0.5

        found.append(
            series_of(f"atom, {name}", quantity, widths, smooth_atom(sigma, widths, seed), theory, "bound", "$-1/2$")
        )
    return tuple(found)
