(* K gradient steps on any inner risk (a support's, or the law's own) are an adaptation that the bounds allow. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From Metagap Require Import Definitions Calculus Core Convexity.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Steps.
Variables (R : realType) (n : nat) (eta : R) (inner_risk : 'rV[R]_n.+1 -> R^o).
Local Notation parameter := 'rV[R]_n.+1.

Definition gradient_step (theta : parameter) : parameter := theta - eta *: gradient inner_risk theta.
Definition gradient_steps k : parameter -> parameter := iter k (fun U => gradient_step \o U) id.

Hypothesis smooth : forall theta, differentiable (gradient inner_risk : parameter -> parameter) theta.

Lemma differentiable_step theta : differentiable gradient_step theta.
Proof.
apply: (@differentiableB R _ _ id (fun t => eta *: gradient inner_risk t)) => //.
by apply: (@differentiableZ R _ _ (gradient inner_risk : parameter -> parameter)); exact: smooth.
Qed.

Lemma differentiable_steps k theta : differentiable (gradient_steps k) theta.
Proof.
rewrite /gradient_steps; elim: k => [|k IH] /=; first exact: ex_diff.
by apply: differentiable_comp => //; exact: differentiable_step.
Qed.
End Steps.

(* The bound for MAML with K gradient steps per task, each on a risk of its own, and convex outer losses. *)
Theorem maml (R : realType) (P : problem R) (k : nat) (eta : R) (inner_risk : tasks P -> 'rV[R]_(size P).+1 -> R^o) :
  (forall i, @adapt R P i = gradient_steps eta (inner_risk i) k) ->
  (forall i theta, differentiable (gradient (inner_risk i) : 'rV[R]_(size P).+1 -> 'rV[R]_(size P).+1) theta) ->
  (forall i x theta, differentiable (@model R P i x) theta) ->
  (forall y p, differentiable (@loss R P y) p) -> (forall y, convex (@loss R P y)) ->
  gap P <= radius P * eps P + weight_norm P * misfit P.
Proof.
move=> steps inner outer dl cv.
have smooth : assume_differentiable_adaptation P.
  by move=> i x y _; split; [rewrite steps; exact: differentiable_steps | exact: outer | exact: dl].
by apply: lifted => //; exact: convex_losses.
Qed.
