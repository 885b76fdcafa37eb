(* Kept witnesses refute mutants of what is said of decision processes: one state, two actions, uniform policies. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From mathcomp Require Import ring.
From Metagap Require Import Refuted DecisionDefinitions Uniform DecisionMutants.
Import GRing.Theory Num.Theory Order.TTheory.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope ring_scope.

Ltac small := rewrite /wa /ua /two /=; field.

Section Roots.
Variable R : realType.
Lemma root (x y : R) : 0 <= y -> x = y ^+ 2 -> Num.sqrt x = y.
Proof. by move=> y0 ->; rewrite sqrtr_sqr ger0_norm. Qed.
Lemma half_ge0 : 0 <= 1%:R / 2%:R :> R.
Proof. by rewrite divr_ge0 ?ler0n. Qed.
End Roots.

Section Witnesses.
Variable R : realType.
Fact none : 0 <= 0%:R :> R. Proof. by rewrite ler0n. Qed.
Fact all : 0 <= 1%:R :> R. Proof. by rewrite ler0n. Qed.
Fact second : 0%:R + 1%:R = 1 :> R. Proof. by rewrite add0r. Qed.
Fact first : 1%:R + 0%:R = 1 :> R. Proof. by rewrite addr0. Qed.
Fact still : `|0 : R| <= 1%:R. Proof. by rewrite normr0 ler0n. Qed.
End Witnesses.

Theorem rl_half_constant R : DecisionMutants.rl_half_constant R.
Proof.
exists (none R), (all R), (second R), 0, ltr01, (still R); set P := uniform _ _ _ _ _ _ _.
split; first exact: positive_uniform.
have w : weight_norm P = 1%:R / 2%:R by rewrite weight_norm_uniform; apply: root; [exact: half_ge0 | small].
have least : misfit P <= 1%:R.
  by apply: (le_trans (misfit_uniform _ _ _ _ _ _ _)); rewrite (@root _ _ 1%:R) ?ler0n //; small.
rewrite gap_uniform eps_uniform w.
have -> m : radius P * 0 + 1%:R / 2%:R * m / 2%:R = 0 + 1%:R / 4%:R * m :> R by rewrite mulr0; field.
by apply: (@grows _ _ _ _ _ _ 3 1 least); [field | apply: (@above _ _ _ 3 0); field].
Qed.

Theorem rl_half_popoviciu R : DecisionMutants.rl_half_popoviciu R.
Proof.
exists (all R), (none R), (first R), 0, ltr01, (still R); set P := uniform _ _ _ _ _ _ _.
split; first exact: positive_uniform.
have w : weight_norm P = 1%:R / 2%:R by rewrite weight_norm_uniform; apply: root; [exact: half_ge0 | small].
have le01 : 0%:R <= 1%:R :> R by rewrite ler_nat.
have span i : reward_span (i : tasks P) = 1%:R.
  have up := @span_uniform_le R 0%:R 1%:R _ _ _ _ (all R) (none R) (first R) ltr01 (still R) i le01.
  have low := @span_uniform R 0%:R 1%:R _ _ _ _ (all R) (none R) (first R) ltr01 (still R) i.
  rewrite (_ : 1%:R - 0%:R = 1%:R :> R) in up; last by field.
  rewrite (_ : 0%:R - 1%:R = - 1%:R :> R) ?normrN1 in low; last by field.
  by apply/eqP; rewrite eq_le up low.
have b : weight_bound P = 1%:R / 2%:R.
  by rewrite /weight_bound big_ord1 span; apply: root; [exact: half_ge0 | rewrite /= subr0 mulr1 mul1r].
by rewrite w b; apply: (@above _ _ _ 3 0); field.
Qed.

Theorem rl_s4_half R : DecisionMutants.rl_s4_half R.
Proof.
exists (all R), (none R), (first R), 0, ltr01, (still R); set P := uniform _ _ _ _ _ _ _.
split; first exact: positive_uniform.
have w : weight_norm P = 1%:R / 2%:R by rewrite weight_norm_uniform; apply: root; [exact: half_ge0 | small].
have u : residual_norm P = 1%:R by rewrite /residual_norm norm_residual_uniform; apply: root; [exact: ler0n | small].
by rewrite inner_product_uniform w u; apply: (@above _ _ _ 3 0); small.
Qed.

Theorem rl_l1_half R : DecisionMutants.rl_l1_half R.
Proof.
exists (all R), (none R), (first R), 0, ltr01, (still R); set P := uniform _ _ _ _ _ _ _.
split; first exact: positive_uniform.
rewrite gap_uniform; apply: beyond (@above _ _ (1%:R / 4%:R) 3 0 _) _; first by field.
rewrite ler_pdivr_mulr ?ltr0n //; apply: (le_trans (misfit_l1_uniform _ _ _ _ _ _ _)).
have [a b] : wa 0%:R (- 1%:R) ord0 = 1%:R / 2%:R :> R /\ wa 0%:R (- 1%:R) (lift ord0 ord0) = - (1%:R / 2%:R) :> R.
  by split; small.
have [c d] : ua 1%:R 0%:R ord0 = 1%:R :> R /\ ua 1%:R 0%:R (lift ord0 ord0) = - 1%:R :> R by split; small.
rewrite a b c d !normrN (ger0_norm (half_ge0 R)) normr1 le_eqVlt; apply/orP; left; apply/eqP.
by field.
Qed.
