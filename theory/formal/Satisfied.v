(* For each kind of problems one of which every assumption holds: a statement with assumptions that exclude each other
   would say nothing. Its gap is not 0, but for the steps of policies, which name none. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive sequences exp.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus Core Single SingleLinear Refuted LinearDefinitions Linear.
From Metagap Require DecisionDefinitions PolicyStepDefinitions Bellman PolicyGradient Uniform.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Theorem problem R : exists P : problem R, [/\ Definitions.assume_outer_convexity P,
  Definitions.assume_differentiable_adaptation P, assume_strong_convexity P, assume_full_row_rank P &
  assume_parameter_comparator P] /\ 0 < gap P.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists (single 1%:R 1%:R 0 (Adapted _ 1%:R) ltr01 vr); split; first split.
- exact: convex_single.
- exact: smooth_single.
- exact: strong_single.
- by apply: free_single; rewrite oner_neq0.
- by exists (row1 1%:R).
by rewrite gap_single ltNge; apply/negP; apply: (@above _ _ _ 1 0); numbers.
Qed.

Theorem linear_problem R : exists P : linear_problem R,
  [/\ LinearDefinitions.assume_outer_convexity P, LinearDefinitions.assume_differentiable_adaptation P &
  assume_parameter_comparator P] /\ [/\ assume_squared_loss P, assume_no_adaptation P, assume_one_gradient_step P &
  assume_numerator_vanishes P] /\ assume_single_task P /\ assume_invertible_jacobian P /\ 0 < gap P.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists (linear 1%:R 1%:R 0 (Adapted _ 1%:R) ltr01 vr); split.
  by split; [exact: convex_linear | exact: smooth_linear | exists (row1 1%:R)].
split; last first.
  split; [exact: alone_linear | split; first exact: invertible_linear].
  by rewrite gap_single ltNge; apply/negP; apply: (@above _ _ _ 1 0); numbers.
split; [exact: squared_linear | exact: still_linear | by [] | apply: vanishing_linear].
by rewrite /wn /zn mul0r sub0r oppr_eq0 oner_eq0.
Qed.

(* A bandit: one state, two actions, rewards 1 and 0, discount 1/2, and probabilities 1/2 + theta and 1/2 - theta. *)
Section Bandit.
Import DecisionDefinitions.
Variable R : realType.
Definition sign (a : 'I_2) : R := if a == ord0 then 1 else - 1.
Definition lean (theta : 'rV[R]_1) (_ _ : 'I_1) (a : 'I_2) : R := 2%:R^-1 + sign a * theta 0 0.
Definition greedy (_ _ : 'I_1) (a : 'I_2) : R := if a == ord0 then 1 else 0.
Definition prize (_ _ : 'I_1) (a : 'I_2) : R := if a == ord0 then 1 else 0.

Fact half_lt1 : (2%:R^-1 : R) < 1.
Proof. by rewrite invf_lt1 ?ltr0n // ltr1n. Qed.
Fact half_ge0 : 0 <= (2%:R^-1 : R).
Proof. by rewrite invr_ge0 ler0n. Qed.
Fact one_law : \sum_(s : 'I_1) (1 : R) = 1.
Proof. by rewrite big_ord1. Qed.
Fact ball_zero : enorm (0 : 'rV[R]_1) <= 1.
Proof. by rewrite enorm0 ler01. Qed.

Fact lean_near : \forall theta \near (0 : 'rV[R]_1), forall i, lawful (lean theta i).
Proof.
have half0 : 0 < (2%:R^-1 : R) by rewrite invr_gt0 ltr0n.
have c : (fun t : 'rV[R]_1 => t 0 0 : R^o) @ (0 : 'rV[R]_1) --> ((0 : 'rV[R]_1) 0 0 : R^o).
  by apply: differentiable_continuous; exact: differentiable_coord.
rewrite [X in _ --> X]mxE in c.
have small : nbhs (0 : 'rV[R]_1) [set t : 'rV[R]_1 | `|t 0 0 : R^o| < 2%:R^-1] by apply: cvgr0_norm_lt c _ half0.
move: small; apply: filterS => t /= t_small i s; split=> [a|].
  rewrite /lean /sign; move: (t_small); rewrite ltr_norml => /andP[lo hi].
  case: (a == ord0); rewrite ?mul1r ?mulN1r ?subr_ge0 ?(ltW hi) //.
  by rewrite addrC -[X in _ + X]opprK subr_ge0 ltW.
by rewrite /lean /sign !big_ord_recl big_ord0 /=; field.
Qed.

Fact greedy_lawful (i : 'I_1) : lawful (greedy i).
Proof.
move=> s; split=> [a|]; first by rewrite /greedy; case: (_ == _); rewrite ?ler01.
by rewrite /greedy !big_ord_recl big_ord0 /= !addr0.
Qed.

Definition bandit : decision_problem R := @DecisionProblem R [finType of 'I_1] 1 [finType of 'I_2] 0 (fun=> 1)
  (fun _ _ _ _ => 1) prize (fun=> 2%:R^-1) (fun _ _ => 1) lean 0 (Functions _ greedy) 1 0
  (fun=> ler01) (fun _ _ _ _ => ler01) (fun _ _ _ => one_law) (fun=> half_ge0) (fun=> half_lt1) (fun _ _ => ler01)
  (fun=> one_law) lean_near greedy_lawful ltr01 ball_zero.

Lemma return_bandit i (pi : 'I_1 -> 'I_2 -> R) : lawful pi -> @return_of R bandit i pi = pi 0 ord0.
Proof.
move=> law; have still : @moves R bandit i pi = 1%:M.
  apply/matrixP => s t; rewrite (ord1 s) (ord1 t) !mxE /=.
  by under eq_bigr do rewrite mulr1; rewrite (proj2 (law 0)).
have [same _] := @Bellman.bellman R bandit i pi law (gains i pi).
rewrite /return_of big_ord1 mul1r -same; last by rewrite still mul1mx -scalerDl subrK scale1r.
by rewrite mxE !big_ord_recl big_ord0 /= mulr1 mulr0 !addr0.
Qed.

Lemma bandit_positive : assume_positive_policy bandit.
Proof.
split=> [i s a _|i s a _ _].
  by rewrite /own /= /lean mxE mulr0 addr0 invr_gt0 ltr0n.
rewrite /= /lean; apply: (@differentiableD _ _ _ (cst (2%:R^-1 : R^o)) (fun t : 'rV[R]_1 => sign a * t 0 0 : R^o)).
  exact: differentiable_cst.
by apply: (@differentiableZ _ _ _ (fun t : 'rV[R]_1 => t 0 0 : R^o)); exact: differentiable_coord.
Qed.

Lemma bandit_gap : gap bandit = 2%:R^-1.
Proof.
rewrite /gap big_ord1 mul1r !return_bandit; [|exact: (@PolicyGradient.lawful_own R bandit)|exact: greedy_lawful].
by rewrite /against /own /= /greedy /lean mxE mulr0 addr0 /=; field.
Qed.
End Bandit.

Theorem decision_problem R : exists P : DecisionDefinitions.decision_problem R,
  DecisionDefinitions.assume_positive_policy P /\ DecisionDefinitions.assume_differentiable_adaptation P /\
  0 < DecisionDefinitions.gap P.
Proof.
exists (bandit R); split; first exact: bandit_positive.
split; first by case: (bandit_positive R).
by rewrite bandit_gap invr_gt0 ltr0n.
Qed.

(* The same without a parameter: discount 0, the prior uniform, eta = 1, and policies that step from it. *)
Section Tilted.
Import DecisionDefinitions PolicyStepDefinitions.
Variables (R : realType) (c0 c1 : R).
Hypotheses (c0_gt0 : 0 < c0) (c1_gt0 : 0 < c1) (c_sum : c0 + c1 = 1).
Local Notation two := (@Uniform.two R).

Fact tilted_lawful (i : 'I_1) : lawful (fun _ : 'I_1 => two c0 c1).
Proof.
move=> s; split=> [a|]; first by rewrite /Uniform.two; case: (_ == _); exact: ltW.
by rewrite Uniform.sum_two /Uniform.two /= c_sum.
Qed.
Fact tilted_near : \forall theta \near (0 : 'rV[R]_1), forall i : 'I_1, lawful (fun _ : 'I_1 => two c0 c1).
Proof. by near=> theta; exact: tilted_lawful. Unshelve. all: by end_near. Qed.

Definition tilted : decision_problem R := @DecisionProblem R [finType of 'I_1] 1 [finType of 'I_2] 0 (fun=> 1)
  (fun _ _ _ _ => 1) (@prize R) (fun=> 0) (fun _ _ => 1) (fun _ _ _ => two c0 c1) 0 (Functions _ (@greedy R)) 1 0
  (fun=> ler01) (fun _ _ _ _ => ler01) (fun _ _ _ => @one_law R) (fun=> lexx 0) (fun=> ltr01) (fun _ _ => ler01)
  (fun=> @one_law R) tilted_near (@greedy_lawful R) ltr01 (@ball_zero R).

Fact even_lawful (theta : 'rV[R]_1) : lawful (fun (_ : 'I_1) (_ : 'I_2) => 2%:R^-1 : R).
Proof.
move=> s; split=> [a|]; first by rewrite invr_ge0 ler0n.
by rewrite Uniform.sum_two; field.
Qed.
Fact even_gt0 (theta : 'rV[R]_1) (s : 'I_1) (a : 'I_2) : 0 < (2%:R^-1 : R).
Proof. by rewrite invr_gt0 ltr0n. Qed.

Definition stepping : stepping_problem R := @Stepping R tilted (fun _ _ _ => 2%:R^-1) 1 even_lawful even_gt0.

Lemma tilted_value i pi s a : @action_value R stepping i pi s a = two 1 0 a.
Proof. by rewrite /action_value /= subr0 mul1r mul0r addr0. Qed.

Lemma tilted_positive : assume_positive_policy stepping.
Proof.
split=> [i s a _|i s a _ _]; last exact: differentiable_cst.
by rewrite /own /= /Uniform.two; case: (_ == _).
Qed.
End Tilted.

Theorem kl_step R : exists P : PolicyStepDefinitions.stepping_problem R,
  PolicyStepDefinitions.assume_kl_step P /\ PolicyStepDefinitions.assume_forward_step P /\
  DecisionDefinitions.assume_positive_policy (PolicyStepDefinitions.base P).
Proof.
have e0 : 0 < expR (1 : R) + 1 by rewrite addr_gt0 ?expR_gt0 ?ltr01.
have p0 : 0 < expR 1 / (expR 1 + 1) :> R by rewrite divr_gt0 ?expR_gt0.
have p1 : 0 < 1 / (expR 1 + 1) :> R by rewrite divr_gt0 ?ltr01.
have p : expR 1 / (expR 1 + 1) + 1 / (expR 1 + 1) = 1 :> R by rewrite -mulrDl divff ?gt_eqF.
exists (stepping p0 p1 p); split; last by split; [exact: ltr01 | exact: tilted_positive].
move=> theta i s a; rewrite Uniform.sum_two !tilted_value /= /PolicyStepDefinitions.step_size /= !mul1r.
by rewrite /Uniform.two /=; case: (a == ord0); rewrite ?expR0; move: e0; move: (expR 1) => e /lt0r_neq0 e0; field;
  rewrite e0.
Qed.

Theorem rational_step R : exists P : PolicyStepDefinitions.stepping_problem R,
  PolicyStepDefinitions.assume_rational_step P /\ DecisionDefinitions.assume_positive_policy (PolicyStepDefinitions.base P).
Proof.
have p0 : 0 < 2%:R / 3%:R :> R by rewrite divr_gt0 ?ltr0n.
have p1 : 0 < 1 / 3%:R :> R by rewrite divr_gt0 ?ltr0n ?ltr01.
have p : 2%:R / 3%:R + 1 / 3%:R = 1 :> R by field.
exists (stepping p0 p1 p); split; last exact: tilted_positive.
move=> theta i s a; rewrite Uniform.sum_two !tilted_value /= /PolicyStepDefinitions.step_size /= !mul1r.
by rewrite /Uniform.two /=; case: (a == ord0); field.
Qed.
