(* The smallest decision processes: one task, one state, two actions, discount 0, features 0, no adaptation, so that the
   policies are uniform whatever the parameter. All of what claims name, as numbers: kept witnesses are of this kind. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive exp.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus Single DecisionDefinitions Bellman PolicyGradient Returns.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Uniform.
Variables (R : realType) (r0 r1 : R) (p0 p1 : R) (r v : R).
Hypotheses (p0_ge0 : 0 <= p0) (p1_ge0 : 0 <= p1) (p_sum : p0 + p1 = 1) (r_gt0 : 0 < r) (v_ball : `|v| <= r).

Definition two (x y : R) (a : 'I_2) : R := if a == ord0 then x else y.
Definition uniform_policy (_ : 'rV[R]_1) (_ _ : 'I_1) (_ : 'I_2) : R := 2%:R^-1.

Lemma sum_two (f : 'I_2 -> R) : \sum_a f a = f ord0 + f (lift ord0 ord0).
Proof. by rewrite !big_ord_recl big_ord0 addr0. Qed.

Fact uniform_lawful theta (i : 'I_1) : lawful (uniform_policy theta i).
Proof.
move=> s; split=> [a|]; first by rewrite invr_ge0 ler0n.
by rewrite sum_two /uniform_policy; field.
Qed.
Fact uniform_near : \forall theta \near (0 : 'rV[R]_1), forall i, lawful (uniform_policy theta i).
Proof. by near=> theta; exact: uniform_lawful. Unshelve. all: by end_near. Qed.
Fact two_lawful (i : 'I_1) : lawful (fun _ : 'I_1 => two p0 p1).
Proof. by move=> s; split=> [a|]; [rewrite /two; case: (_ == _) | rewrite sum_two /two /=]. Qed.
Fact sure : \sum_(s : 'I_1) (1 : R) = 1.
Proof. by rewrite big_ord1. Qed.

Definition uniform : decision_problem R := @DecisionProblem R [finType of 'I_1] 1 [finType of 'I_2] 0 (fun=> 1)
  (fun _ _ _ _ => 1) (fun _ _ => two r0 r1) (fun=> 0) (fun _ _ => 1) uniform_policy 0
  (Functions _ (fun _ _ => two p0 p1)) r (row1 v)
  (fun=> ler01) (fun _ _ _ _ => ler01) (fun _ _ _ => sure) (fun=> lexx 0) (fun=> ltr01) (fun _ _ => ler01)
  (fun=> sure) uniform_near two_lawful r_gt0 (along_single v_ball).
Local Notation U := uniform.

Lemma value_uniform i (pi : 'I_1 -> 'I_2 -> R) : lawful pi ->
  @value R U i pi 0 0 = pi 0 ord0 * r0 + pi 0 (lift ord0 ord0) * r1.
Proof.
move=> law; have [same _] := @bellman R U i pi law (gains i pi).
by rewrite -same ?scale0r ?subr0 ?scale1r ?addr0 // mxE sum_two /two /=.
Qed.

Lemma return_uniform i pi : lawful pi -> @return_of R U i pi = pi 0 ord0 * r0 + pi 0 (lift ord0 ord0) * r1.
Proof. by move=> law; rewrite /return_of big_ord1 mul1r value_uniform. Qed.

Lemma visits_uniform i (pi : 'I_1 -> 'I_2 -> R) : lawful pi -> @visits R U i pi 0 0 = 1.
Proof. by move=> law; rewrite -(visits_sum i law) big_ord1. Qed.

Definition wa a : R := two r0 r1 a - (r0 + r1) / 2%:R.
Definition ua a : R := 2%:R * two p0 p1 a - 1.

Lemma w_uniform i s a : @w R U i s a = wa a.
Proof.
rewrite /w /advantage /action_value (ord1 s) (value_uniform i (@lawful_own R U i)).
by rewrite /own /= /uniform_policy /wa mul0r addr0 subr0 mul1r divr1; field.
Qed.

Lemma u_uniform i s a : @u R U i s a = ua a.
Proof.
rewrite /u (ord1 s) (visits_uniform i (@lawful_own R U i)) (visits_uniform i (@lawful_against R U i)).
by rewrite /against /own /= /uniform_policy /ua divr1 mul1r invrK mulrC.
Qed.

Lemma phi_uniform i s a : @phi R U i s a = 0.
Proof.
have score0 b : @score R U i s b = 0.
  apply/rowP => j; rewrite !mxE /= /uniform_policy.
  exact: (@derive_val _ _ _ _ _ _ _ (is_derive_cst (ln (2%:R^-1 : R) : R^o) (0 : 'rV[R]_1) (delta_mx 0 j))).
by rewrite /phi score0 big1 ?subr0 // => b _; rewrite score0 scaler0.
Qed.

Lemma inner_uniform f g : @inner R U f g = (f 0 0 ord0 * g 0 0 ord0 + f 0 0 (lift ord0 ord0) * g 0 0 (lift ord0 ord0)) / 2%:R.
Proof.
rewrite /inner !big_ord1 mul1r sum_two /sigma (visits_uniform 0 (@lawful_own R U 0)).
by rewrite /own /= /uniform_policy !mul1r -mulrDr mulrC.
Qed.

Lemma positive_uniform : assume_positive_policy U.
Proof.
split=> [i s a _|i s a _ _]; first by rewrite /own /= /uniform_policy invr_gt0 ltr0n.
exact: differentiable_cst.
Qed.

Lemma gap_uniform : gap U = p0 * r0 + p1 * r1 - (r0 + r1) / 2%:R.
Proof.
rewrite /gap big_ord1 mul1r (return_uniform 0 (@lawful_own R U 0)) (return_uniform 0 (@lawful_against R U 0)).
by rewrite /against /own /= /uniform_policy /two /=; field.
Qed.

Lemma eps_uniform : eps U = 0.
Proof.
rewrite /eps (gradientE positive_uniform) (_ : paired U = 0) ?enorm0 //; apply/rowP => j.
by rewrite !mxE inner_uniform !phi_uniform !mxE !mulr0 addr0 mul0r.
Qed.

Lemma weight_norm_uniform : weight_norm U = Num.sqrt ((wa ord0 ^+ 2 + wa (lift ord0 ord0) ^+ 2) / 2%:R).
Proof. by rewrite /weight_norm /norm inner_uniform !w_uniform !expr2. Qed.

Lemma residual_uniform t i s a : @residual R U t i s a = ua a.
Proof. by rewrite /residual u_uniform phi_uniform /dot big1 ?subr0 // => j _; rewrite mxE mulr0. Qed.

Lemma norm_residual_uniform t : norm (@residual R U t) = Num.sqrt ((ua ord0 ^+ 2 + ua (lift ord0 ord0) ^+ 2) / 2%:R).
Proof. by rewrite /norm inner_uniform !residual_uniform !expr2. Qed.

Lemma misfit_uniform : misfit U <= Num.sqrt ((ua ord0 ^+ 2 + ua (lift ord0 ord0) ^+ 2) / 2%:R).
Proof.
apply: inf_lb; first by exists 0 => _ [p _ <-]; exact: sqrtr_ge0.
by exists 0; [rewrite /ball /= enorm0 ltW | exact: norm_residual_uniform].
Qed.

Lemma inner_product_uniform : inner_product U = (wa ord0 * ua ord0 + wa (lift ord0 ord0) * ua (lift ord0 ord0)) / 2%:R.
Proof. by rewrite /inner_product inner_uniform !w_uniform !residual_uniform. Qed.

Lemma misfit_l1_uniform :
  misfit_l1 U <= (`|wa ord0| * `|ua ord0| + `|wa (lift ord0 ord0)| * `|ua (lift ord0 ord0)|) / 2%:R.
Proof.
apply: inf_lb; first exists 0 => _ [p _ <-].
  by rewrite eps_uniform mul0r add0r inner_uniform divr_ge0 ?ler0n // addr_ge0 // mulr_ge0.
by exists 0 => //; rewrite eps_uniform mul0r add0r inner_uniform !w_uniform !residual_uniform.
Qed.

Lemma span_uniform i : `|r0 - r1| <= @reward_span R U i.
Proof.
have range s a := reward_range i s a; rewrite /reward_span.
have /andP[lo0 hi0] := range (0 : 'I_1) (ord0 : 'I_2); have /andP[lo1 hi1] := range (0 : 'I_1) (lift ord0 ord0 : 'I_2).
move: lo0 hi0 lo1 hi1; rewrite /= /two /=; set m := inf _; set M := sup _ => lo0 hi0 lo1 hi1.
by rewrite ler_norml opprB !ler_sub.
Qed.

Lemma span_uniform_le i : r0 <= r1 -> @reward_span R U i <= r1 - r0.
Proof.
move=> le01; have some : rewards (i : tasks U) !=set0 by exists r0; exists (0 : 'I_1), (ord0 : 'I_2).
rewrite /reward_span ler_sub //.
  apply: sup_le_ub => // _ [s [a ->]]; rewrite /= /two.
  by case: (_ == _).
apply: lb_le_inf => // _ [s [a ->]]; rewrite /= /two.
by case: (_ == _).
Qed.
End Uniform.
