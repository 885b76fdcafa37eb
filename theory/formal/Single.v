(* The smallest problems: one task, one input, one label, one parameter, no adaptation, the squared loss. All of what
   claims name, as numbers: kept witnesses (Refuted) and the instance that satisfies every assumption are of this kind. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus Core Convexity Rank.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Single.
Variables (R : realType) (feature label start : R) (against : rival R R) (r v : R).
Hypotheses (r_gt0 : 0 < r) (v_ball : `|v| <= r).

Definition row1 (c : R) : 'rV[R]_1 := c%:M.
Definition squared (z : 'rV[R]_1) : R^o := (z 0 0 - label) ^+ 2 / 2%:R.

Lemma row1K (p : 'rV[R]_1) : row1 (p 0 0) = p.
Proof. by rewrite /row1 [RHS]mx11_scalar. Qed.

Lemma dot1 (a b : 'rV[R]_1) : dot a b = a 0 0 * b 0 0.
Proof. by rewrite /dot big_ord1. Qed.

Lemma enorm1 (a : 'rV[R]_1) : enorm a = `|a 0 0|.
Proof. by rewrite /enorm big_ord1 -expr2 sqrtr_sqr. Qed.

Fact along_single : enorm (row1 v) <= r.
Proof. by rewrite enorm1 mxE eqxx mulr1n. Qed.

Definition single : problem R := @Problem R [finType of 'I_1] [finType of 'I_1] [finType of 'I_1] 0 0
  (fun=> 1) (fun _ _ _ => 1) (fun=> squared) (fun _ _ theta => theta *m feature%:M) (fun _ theta => theta)
  (row1 start)
  (match against with Adapted c => Adapted _ (row1 c) | Functions c => Functions _ (fun _ _ => row1 c) end)
  r (row1 v) (fun=> ler01) (fun _ _ _ => ler01) r_gt0 along_single.

(* What it is in numbers: the prediction, the comparator's, w, u. *)
Definition zn : R := start * feature.
Definition hn : R := match against with Adapted c => c * feature | Functions c => c end.
Definition wn : R := zn - label.
Definition un : R := zn - hn.

Lemma coordinate (p e : 'rV[R]_1) : is_derive p e (fun z : 'rV[R]_1 => z 0 0 : R^o) (e 0 0 : R^o).
Proof. by apply: is_derive_affine => h; rewrite !mxE /GRing.scale /=; ring. Qed.

Lemma derive_squared (p e : 'rV[R]_1) : is_derive p e squared ((p 0 0 - label) * e 0 0 : R^o).
Proof.
pose f (z : 'rV[R]_1) : R^o := z 0 0 - label.
have df : is_derive p e f (e 0 0 : R^o) by apply: is_derive_affine => h; rewrite /f !mxE /GRing.scale /=; ring.
have -> : squared = (2%:R^-1 : R) \*: (f * f : 'rV[R]_1 -> R^o).
  by apply/funext => z; rewrite /squared expr2 mulrC.
have := @is_deriveZ _ _ _ _ (2%:R^-1 : R) _ _ _ (is_deriveM df df).
move=> d; apply: (is_derive_eq d); rewrite /f /GRing.scale /=.
by field.
Qed.

Lemma differentiable_squared (p : 'rV[R]_1) : differentiable squared p.
Proof.
pose f (z : 'rV[R]_1) : R^o := z 0 0 - label.
have df : differentiable f p.
  apply: (@differentiableB _ _ _ (fun z : 'rV[R]_1 => z 0 0 : R^o) (cst (label : R^o))); last exact: differentiable_cst.
  exact: differentiable_coord.
have -> : squared = (2%:R^-1 : R) \*: (f * f : 'rV[R]_1 -> R^o).
  by apply/funext => z; rewrite /squared expr2 mulrC.
by apply: differentiableZ; exact: differentiableM.
Qed.

Lemma gradient_squared (p : 'rV[R]_1) : gradient squared p = row1 (p 0 0 - label).
Proof.
apply/rowP => j; rewrite !mxE (@derive_val _ _ _ _ _ _ _ (derive_squared p _)) (ord1 j) mxE.
by rewrite !eqxx mulr1.
Qed.

Lemma smooth_single : assume_differentiable_adaptation single.
Proof. by move=> i x y _; split; [exact: ex_diff | exact: differentiable_mulmx | exact: differentiable_squared]. Qed.

Local Notation S := single.
Lemma z_single i x : @z R S i x = row1 zn.
Proof. by rewrite /z /adapted /= mul_mx_scalar scale_scalar_mx mulrC. Qed.

Lemma h'_single i x : @h' R S i x = row1 hn.
Proof. by rewrite /h' /hn /=; case: against => c //=; rewrite /adapted /= mul_mx_scalar scale_scalar_mx mulrC. Qed.

Lemma u_single i x : @u R S i x = row1 un.
Proof. by rewrite /u z_single h'_single /row1 /un raddfB. Qed.

Lemma rho_single i x : @rho R S i x = 1.
Proof. by rewrite /rho big_ord1. Qed.

Lemma w_single i x : @w R S i x = row1 wn.
Proof. by rewrite /w rho_single invr1 scale1r big_ord1 scale1r z_single gradient_squared mxE eqxx mulr1n. Qed.

Lemma plain_single i x : @plain R S i x = feature%:M.
Proof. exact: jacobian_mulmx. Qed.

Lemma phi_single i x : @phi R S i x = feature%:M.
Proof.
rewrite /phi plain_single.
have -> : jacobian (@adapt R S i) (omega S) = 1%:M.
  have -> : @adapt R S i = (fun t => t *m 1%:M) by apply/funext => t; rewrite mulmx1.
  exact: jacobian_mulmx.
by rewrite mul1mx.
Qed.

Lemma inner_single f g : @inner R S f g = f 0 0 0 0 * g 0 0 0 0.
Proof. by rewrite /inner big_ord1 mul1r big_ord1 rho_single mul1r dot1. Qed.

Lemma norm_single f : @norm R S f = `|f 0 0 0 0|.
Proof. by rewrite /norm inner_single -expr2 sqrtr_sqr. Qed.

Lemma residual_single t : norm (@residual R S (@phi R S) (row1 t)) = `|un - t * feature|.
Proof.
by rewrite norm_single /residual u_single phi_single mul_mx_scalar !mxE eqxx !mulr1n mulrC.
Qed.

Lemma expectation_single i f : @expectation R S i f = f 0 0.
Proof. by rewrite /expectation !big_ord1 mul1r. Qed.

Lemma gap_single : gap S = (wn ^+ 2 - (hn - label) ^+ 2) / 2%:R.
Proof.
rewrite /gap /objective !big_ord1 !mul1r /risk !expectation_single -/(@z R S) z_single h'_single /= /squared.
by rewrite !mxE eqxx !mulr1n mulrBl.
Qed.

Lemma bregman_single : bregman S = un ^+ 2 / 2%:R.
Proof.
rewrite /bregman big_ord1 mul1r expectation_single z_single h'_single dot1 gradient_squared /= /squared.
by rewrite !mxE eqxx !mulr1n /un; field.
Qed.

Lemma pairing_single : pairing S = wn * un.
Proof. by rewrite /pairing inner_single w_single u_single !mxE eqxx !mulr1n. Qed.

Lemma eps_single : eps S = `|wn * feature|.
Proof.
rewrite /eps (gradientE smooth_single) enorm1 mxE inner_single w_single phi_single !mxE eqxx !mulr1n.
by [].
Qed.

Lemma weight_norm_single : weight_norm S = `|wn|.
Proof. by rewrite /weight_norm norm_single w_single mxE eqxx mulr1n. Qed.

Lemma eps_first_order_single : eps_first_order S = `|wn * feature|.
Proof. by rewrite /eps_first_order enorm1 mxE inner_single w_single plain_single !mxE eqxx !mulr1n. Qed.

Lemma direction_single : direction S = v * (wn * feature).
Proof.
rewrite /direction (chain _ smooth_single) inner_single w_single phi_single mul_mx_scalar !mxE eqxx !mulr1n.
by ring.
Qed.

Lemma inner_product_single : inner_product S = wn * (un - v * feature).
Proof.
rewrite /inner_product inner_single w_single /residual u_single phi_single mul_mx_scalar !mxE eqxx !mulr1n.
by ring.
Qed.

Lemma misfit_single t : `|t| <= r -> misfit S <= `|un - t * feature|.
Proof.
move=> tr; apply: inf_lb; last first.
  by exists (row1 t); [rewrite /ball /= enorm1 mxE eqxx mulr1n | exact: residual_single].
by exists 0 => _ [p _ <-]; exact: norm_ge0.
Qed.

Lemma misfit_plain_single t : `|t| <= r -> misfit_plain S <= `|un - t * feature|.
Proof.
move=> tr; apply: inf_lb; last first.
  exists (row1 t); first by rewrite /ball /= enorm1 mxE eqxx mulr1n.
  by rewrite norm_single /residual u_single plain_single mul_mx_scalar !mxE eqxx !mulr1n mulrC.
by exists 0 => _ [p _ <-]; exact: norm_ge0.
Qed.

Lemma residual_norm_single : residual_norm S = `|un - v * feature|.
Proof. exact: residual_single. Qed.

Lemma misfit_l1_single t : misfit_l1 S <= `|wn * feature| * `|t| + `|wn * (un - t * feature)|.
Proof.
apply: inf_lb; last first.
  exists (row1 t) => //; rewrite -eps_single enorm1 !big_ord1 rho_single !mul1r dot1 w_single /residual u_single.
  by rewrite phi_single mul_mx_scalar !mxE eqxx !mulr1n [feature * t]mulrC.
exists 0 => _ [p _ <-]; rewrite addr_ge0 ?mulr_ge0 ?enorm_ge0 //.
by rewrite !big_ord1 rho_single !mul1r.
Qed.

Lemma convex_single : assume_outer_convexity S.
Proof. by rewrite /assume_outer_convexity bregman_single mulr_ge0 ?sqr_ge0 // invr_ge0 ler0n. Qed.

Lemma free_single : feature != 0 -> assume_full_row_rank S.
Proof.
move=> f0 c /(_ 0); rewrite !big_ord1 rho_single mul1r ltr01 dot1 phi_single !mxE eqxx mulr1n => /eqP.
rewrite mulf_eq0 (negPf f0) orbF => /eqP c0 i x _; rewrite !ord1 -(row1K (c 0 0)).
by rewrite c0 /row1 raddf0.
Qed.

Lemma curvature_single y (p e : 'rV[R]_1) : is_derive p e ('D_e (@loss R S y) : 'rV[R]_1 -> R^o) (e 0 0 * e 0 0 : R^o).
Proof.
have -> : ('D_e (@loss R S y) : 'rV[R]_1 -> R^o) = (fun z : 'rV[R]_1 => (z 0 0 - label) * e 0 0 : R^o).
  by apply/funext => z; exact: (@derive_val _ _ _ _ _ _ _ (derive_squared z e)).
by apply: is_derive_affine => h; rewrite !mxE /GRing.scale /=; ring.
Qed.

Lemma strong_single_ge1 : 1 <= strong_convexity S.
Proof.
apply: lb_le_inf.
  exists (@curvature R S ord0 (@between R S ord0 ord0 0) (row1 1)), ord0, ord0, ord0, 0, (row1 1).
  split; first by rewrite /used /= mul1r ltr01.
  by rewrite lexx ler01 enorm1 mxE eqxx mulr1n normr1.
move=> _ [i [x [y [t [e [_ [_ [e1 ->]]]]]]]]; rewrite /curvature (@derive_val _ _ _ _ _ _ _ (curvature_single y _ e)).
by move: e1; rewrite enorm1 -normr_id => e1; rewrite -expr2 -real_normK ?num_real // -[X in X ^+ 2]normr_id e1 expr1n.
Qed.

Lemma strong_single : assume_strong_convexity S.
Proof.
split; first exact: lt_le_trans ltr01 strong_single_ge1.
move=> i x y _; split=> [p|t e _]; first exact: differentiable_squared.
exact: (@ex_derive _ _ _ _ _ _ _ (curvature_single y _ e)).
Qed.

Lemma function_displacement_single : function_displacement S = `|un|.
Proof. by rewrite /function_displacement norm_single u_single mxE eqxx mulr1n. Qed.

Lemma min_norm_single t : t * feature = un -> min_norm_solution S <= `|t|.
Proof.
move=> tu; apply: inf_lb; first by exists 0 => _ [p _ <-]; exact: enorm_ge0.
exists (row1 t); last by rewrite enorm1 mxE eqxx mulr1n.
by move=> i x _; rewrite phi_single u_single mul_mx_scalar scale_scalar_mx mulrC tu.
Qed.
End Single.
