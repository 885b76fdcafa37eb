"""Cells of meta-SL that an argument or the counterexample of another claim settles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..claim import Ablation, Expression, Standing
from .readings import ANY_FEATURE, ANY_VECTOR, again, implied, known, not_needed

_HUBER = known("meta-sl-lifted", "Huber at its joint")
_S3 = "S3: stationarity"
_SPURIOUS = known("meta-sl-c1", "quartic, spurious minimum")
_CONTRADICTION = known("meta-sl-c3", "contradictory labels")
_DIRECTIONAL = "radius*eps_directional + weight_norm*residual_norm"
_ONE_POINT = "One task and one point: this form is the lifted form. "
_JOINT = "At a joint of Huber's loss L rises to both sides of omega, and a lower minimum is elsewhere: "


def _joint(
    claim: str, reason: str, bound: str, left: str = "gap", changes: Mapping[str, Any] | None = None
) -> Ablation:
    return again(_HUBER, claim, _JOINT + reason, bound, left, changes=changes)


def _functions(claim: str, loss: str = "squared") -> Ablation:
    """The comparator's parameter does not exist; no distance could stand for it, since eps is 0."""
    source = _CONTRADICTION
    assert source.instance is not None
    return Ablation(
        "parameter-comparator",
        claim,
        Standing.NEEDED,
        "Functions that contradict each other at one input belong to no parameter: omega is stationary, they are "
        "better, and eps times any distance is 0.",
        f"contradictory functions ({claim.rsplit('-', 1)[-1]})",
        "u is not the displacement of a parameter",
        bound=Expression("eps"),
        instance={**source.instance, "loss": {"name": loss}},
        exact={"eps": "0"},
    )


_BALANCED = {
    **(known("meta-sl-lifted", "first-order stationary point").instance or {}),
    "loss": {"name": "log-cosh"},
    "adaptation": {"name": "gradient", "eta": "1/32", "steps": 1},
    "features": [["1"], ["2"]],
    "tasks": [
        {"weight": "2/3", "atoms": [{"x": 0, "y": "-1", "p": "1"}]},
        {
            "weight": "1/3",
            "atoms": [
                {
                    "x": 1,
                    "y": "2150246258536790564870093212052783321407/2000000000000000000000000000000000000000",
                    "p": "1",
                }
            ],
        },
    ],
    "omega": ["0"],
    "comparator": ["-1/64"],
}
_TWO_STEPS = {"name": "gradient", "eta": "1/4", "steps": 2}

META_SL: tuple[Ablation, ...] = (
    _joint(
        "meta-sl-identity",
        "no direction has a negative derivative, and the residual is 0, so nothing is on the right.",
        "inner_product + radius*eps_directional",
        "gap + bregman",
    ),
    _joint(
        "meta-sl-s2",
        "<w, phi'v> is positive, and no one-sided derivative of -L is.",
        "radius*eps_directional",
        "pairing - inner_product",
    ),
    *not_needed("differentiable-adaptation", ["meta-sl-s3"], ANY_VECTOR),
    *not_needed("differentiable-adaptation", ["meta-sl-s4"], ANY_FEATURE),
    _joint("meta-sl-l1", "the bound along v = -2 is 0.", _DIRECTIONAL),
    _joint("meta-sl-mixed", _ONE_POINT + "Its bound is 0.", _DIRECTIONAL),
    _joint("meta-sl-mixed-l1", _ONE_POINT + "Its bound is 0.", _DIRECTIONAL),
    Ablation(
        "one-gradient-step",
        "meta-sl-mixed",
        Standing.NEEDED,
        "After two steps the task's law enters the feature twice: it is no function of (x, y, x') "
        "that all tasks share.",
        "two gradient steps",
        "mixed form: one feature for all tasks",
        bound=Expression("mixed_misfit"),
        instance={**(known("meta-sl-c1", "quartic, spurious minimum").instance or {}), "adaptation": _TWO_STEPS},
        meaningless=True,
    ),
    *implied(
        "differentiable-adaptation",
        ["meta-sl-c2"],
        "Implied: where ell'' is Lipschitz it exists everywhere.",
    ),
    _joint("meta-sl-c3", "one point and a Jacobian of -1 or 1, of full rank.", "eps_directional*adapted_displacement"),
    Ablation(
        "differentiable-adaptation",
        "meta-sl-c4",
        Standing.NEEDED,
        "With all predictions after the step on the quadratic part: the first task's U has slope 1 to the left of the "
        "joint and 1/2 to the right, and L rises to both sides, by 1/8 and 5/88 per unit. The one-sided feature "
        "1 represents u, and what is subtracted leaves less than 0.",
        "Huber at its joint, quadratic after the step",
        "S2: chain rule",
        bound=Expression(f"{_DIRECTIONAL} - function_displacement**2/2"),
        instance={
            **(_HUBER.instance or {}),
            "adaptation": {"name": "gradient", "eta": "1/2", "steps": 1},
            "tasks": [
                {"weight": "8/11", "atoms": [{"x": 0, "y": "0", "p": "1"}]},
                {"weight": "3/11", "atoms": [{"x": 0, "y": "-19/8", "p": "1"}]},
            ],
            "comparator": {"functions": [["-7/16"], ["-23/16"]]},
            "radius": "1",
        },
        direction=("-1/16",),
        exact={"gap": "3/512", "eps_directional": "0", "residual_norm": "0"},
    ),
    *not_needed(
        "differentiable-adaptation",
        ["meta-sl-c6"],
        "FOMAML's theorem uses no derivative of U_i. With any matrices T_i between the one-sided Jacobians in the "
        "feature, ||T_i - I|| <= beta_J, so ||<w, T phi> - G_FO|| <= beta_J B ||w||, and the identity holds for T_i.",
    ),
    _joint("meta-sl-c7", "one task, both one-sided Jacobians (1 and -1) are invertible.",
           "eps_directional*adapted_displacement"),
    *implied(
        "differentiable-adaptation",
        ["meta-sl-c8", "meta-sl-c9", "meta-sl-c9-curvature"],
        "Implied: the constants of the other assumption bound ell''' everywhere.",
    ),
    *implied(
        "outer-convexity",
        ["meta-sl-c8"],
        "Implied: |ell'''| <= kappa ell'' says ell'' >= 0.",
    ),
    *(_functions(f"meta-sl-{c}") for c in ("c1", "c2", "c5")),
    _functions("meta-sl-c8", "log-cosh"),
    Ablation(
        "parameter-comparator",
        "meta-sl-c7",
        Standing.NEEDED,
        "One task, one feature for two inputs with opposite labels: omega = 0 is stationary, functions fit both.",
        "two inputs with one feature",
        "u is not the displacement of a parameter",
        bound=Expression("eps"),
        instance={
            **(_CONTRADICTION.instance or {}),
            "features": [["1"], ["1"]],
            "tasks": [{"weight": "1", "atoms": [{"x": 0, "y": "1", "p": "1/2"}, {"x": 1, "y": "-1", "p": "1/2"}]}],
            "comparator": {"functions": [["1", "-1"]]},
        },
        exact={"gap": "1/2", "eps": "0"},
    ),
    Ablation(
        "single-task",
        "meta-sl-c7",
        Standing.NEEDED,
        "Two tasks pull in opposite directions: omega is stationary, their adaptations invertible, and not optimal.",
        "quartic, spurious minimum (two tasks)",
        "G = J'g determines g",
        bound=Expression("eps"),
        instance=_SPURIOUS.instance,
        exact={"eps": "0"},
    ),
    *not_needed(
        "stationarity-of-L", ["meta-sl-c5"], "Without adaptation FOMAML's gradient is that of L."
    ),
    Ablation(
        "stationarity-of-L",
        "meta-sl-c7",
        Standing.NEEDED,
        "A step of four times the curvature triples the distance: J = -3, and FOMAML's gradient is a third of L's.",
        "first-order gradient, J = -3",
        "G = J'g determines g",
        bound=Expression("eps_first_order*adapted_displacement/jacobian_min"),
        instance={**(known("meta-sl-lifted", "unconstrained infimum").instance or {}),
                  "adaptation": {"name": "gradient", "eta": "4", "steps": 1}},
        exact={"gap": "9/2", "eps_first_order": "3", "adapted_displacement": "3"},
        identifier="A3",
    ),
    Ablation(
        "stationarity-of-L",
        "meta-sl-c8",
        Standing.NEEDED,
        "Weights 2 : 1 balance the pulls tanh(r) and -2 tanh(r) of two adapted tasks: FOMAML stops, and L, convex, "
        "falls to the left. (The second label is rounded to 40 digits.)",
        "first-order stationary point, log-cosh",
        _S3,
        bound=Expression("eps_first_order*displacement"),
        instance=_BALANCED,
        identifier="A3",
    ),
    again(
        known("meta-sl-lifted", "double well"),
        "meta-sl-headline",
        "L >= 0 is attained at 1, so the bracket of the infimum is 0: the headline is the lifted form against 1.",
        "radius*eps + weight_norm*misfit",
        changes={"comparator": ["1"]},
    ),
    replace(
        _joint(
            "meta-sl-headline",
            "no prediction has a smaller risk than 29/3, which 17/3 adapts to, so the bracket of the infimum is 0 and "
            "the headline is the lifted form against 17/3.",
            _DIRECTIONAL,
            changes={"comparator": ["17/3"], "radius": "3"},
        ),
        direction=("-8/3",),
        exact={"gap": "7/6"},
    ),
)  # fmt: skip
