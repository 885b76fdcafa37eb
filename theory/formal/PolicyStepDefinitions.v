(* Steps on policies: what is said of the KL and of the rational step, on top of DecisionDefinitions. Nothing is proved here.
   Of the prior policy nothing is known but that it is one, and positive. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals sequences exp.
From Metagap Require Import Definitions DecisionDefinitions.
Import GRing.Theory Num.Theory Order.TTheory.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope ring_scope.

Record stepping_problem (R : realType) := Stepping {
  base :> decision_problem R;
  prior : 'rV[R]_(size base).+1 -> 'I_(states base) -> actions base -> R;  (* pi at theta, before it adapts *)
  eta : R;
  prior_lawful : forall theta, lawful (prior theta);
  prior_gt0 : forall theta s a, 0 < prior theta s a }.

Section Quantities.
Variables (R : realType) (P : stepping_problem R).
Implicit Types (i : tasks P) (s : 'I_(states P)) (a : actions P).
Local Notation pi := (prior (omega P)).

Definition divergence (p p' : actions P -> R) : R := \sum_a p a * ln (p a / p' a).

Definition step_size : R := eta P.
Definition prior_return : R := \sum_i q i * return_of i pi.
Definition improvement : R := adapted_return P - prior_return.
Definition jeffreys : R := \sum_i q i * ((\sum_s visits i (own i) 0 s *
  (divergence (own i s) (pi s) + divergence (pi s) (own i s))) / (1 - discount i)).
Definition tilted_variance : R := \sum_i q i * ((\sum_s visits i (own i) 0 s *
  ((\sum_a pi s a * (action_value i pi s a - value i pi s 0) ^+ 2) / (1 + step_size * value i pi s 0))) /
  (1 - discount i)).

Definition assume_kl_step : Prop := forall theta i s a, adapted theta i s a =
  prior theta s a * expR (step_size * action_value i (prior theta) s a) /
  \sum_b prior theta s b * expR (step_size * action_value i (prior theta) s b).
Definition assume_rational_step : Prop := forall theta i s a, adapted theta i s a =
  prior theta s a * (1 + step_size * action_value i (prior theta) s a) /
  \sum_b prior theta s b * (1 + step_size * action_value i (prior theta) s b).
Definition assume_forward_step : Prop := 0 < step_size.
End Quantities.
