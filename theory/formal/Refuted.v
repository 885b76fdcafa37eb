(* Kept witnesses refute mutants, and every assumption holds of one problem: a statement that is too strong, or one that
   says nothing, would be noticed. The directions v are chosen here. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Core Single Mutants.
Import GRing.Theory Num.Theory Order.TTheory.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope ring_scope.

Section Numbers.
Variable R : realType.
Lemma above (a b : R) d n : (a - b) * d.+1%:R = n.+1%:R -> ~ (a <= b).
Proof.
move=> e; apply/negP; rewrite -ltNge -subr_gt0 -(pmulr_lgt0 _ (ltr0Sn R d)).
by rewrite e ltr0Sn.
Qed.
Lemma apart (a b : R) d n : (a - b) * d.+1%:R = n.+1%:R -> ~ (a = b).
Proof. by move=> e ab; apply: (above e); rewrite ab. Qed.
Lemma size (a : R) d n : a * d.+1%:R = n%:R -> `|a| = a.
Proof. by move=> e; apply/ger0_norm; rewrite -(pmulr_lge0 _ (ltr0Sn R d)) e ler0n. Qed.
Lemma sizeN (a : R) d n : - a * d.+1%:R = n%:R -> `|a| = - a.
Proof. by rewrite -normrN; exact: size. Qed.
Lemma beyond (a b c : R) : ~ (a <= c) -> b <= c -> ~ (a <= b).
Proof. by move=> no bc ab; apply: no; exact: le_trans ab bc. Qed.
Lemma within (a b : R) d n : (b - a) * d.+1%:R = n%:R -> a <= b.
Proof. by move=> e; rewrite -subr_ge0 -(pmulr_lge0 _ (ltr0Sn R d)) e ler0n. Qed.
(* A bound a + b x with x <= m is at most a + b m. *)
Lemma grows (c a b x m : R) d n : x <= m -> b * d.+1%:R = n%:R -> ~ (c <= a + b * m) -> ~ (c <= a + b * x).
Proof.
move=> xm e no cx; apply/no/(le_trans cx); rewrite ler_add2l ler_wpmul2l //.
by rewrite -(pmulr_lge0 _ (ltr0Sn R d)) e ler0n.
Qed.
End Numbers.

Ltac numbers := rewrite /wn /un /zn /hn /=; field.

Theorem sl_s1_equal R : Mutants.sl_s1_equal R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr.
split; first exact: convex_single.
by rewrite gap_single pairing_single => /esym; apply: (@apart _ _ _ 1 0); numbers.
Qed.

Theorem sl_identity_along_v R : Mutants.sl_identity_along_v R.
Proof.
have vr : `|-1 : R| <= 1%:R by rewrite normrN1.
exists (-1), ltr01, vr.
split; first exact: smooth_single.
by rewrite gap_single bregman_single inner_product_single; apply: (@apart _ _ _ 0 0); numbers.
Qed.

Theorem identity_bregman_subtracted R : Mutants.identity_bregman_subtracted R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr.
split; first exact: smooth_single.
rewrite gap_single bregman_single inner_product_single direction_single => /esym.
by apply: (@apart _ _ _ 0 0); numbers.
Qed.

Theorem sl_s3_no_radius R : Mutants.sl_s3_no_radius R.
Proof.
have r0 : 0 < 4%:R :> R by rewrite ltr0n.
have vr : `|4%:R : R| <= 4%:R by rewrite normr_nat.
exists 4%:R, r0, vr.
split; first exact: smooth_single.
rewrite direction_single eps_single (@size _ _ 0 1); last by numbers.
by apply: (@above _ _ _ 0 2); numbers.
Qed.

Theorem sl_s4_half R : Mutants.sl_s4_half R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr.
split; first exact: smooth_single.
rewrite inner_product_single weight_norm_single residual_norm_single !(@size _ _ 0 1); try by numbers.
by apply: (@above _ _ _ 1 0); numbers.
Qed.

Theorem sl_l1_half R : Mutants.sl_l1_half R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr.
split; first exact: convex_single.
split; first exact: smooth_single.
rewrite gap_single; apply: beyond (@above _ _ 1%:R 1 0 _) _; first by numbers.
have := misfit_l1_single 0 (- 2%:R) 0 (Functions _ (- 1%:R)) _ _ 0 => up.
rewrite ler_pdivr_mulr ?ltr0n //; apply: (le_trans (up _ _ _ _ _)).
rewrite normr0 mulr0 add0r (@size _ _ 0 2); last by numbers.
by rewrite le_eqVlt; apply/orP; left; apply/eqP; numbers.
Qed.

Theorem half_constant R : Mutants.half_constant R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr; set P := single _ _ _ _ _ _.
split; first exact: convex_single.
split; first exact: smooth_single.
have least : misfit P <= 1%:R / 2%:R.
  apply: (le_trans (@misfit_single R _ _ _ _ _ _ _ _ (-1) _)); first by rewrite normrN1.
  by rewrite (@size _ _ 1 1); [apply: (@within _ _ _ 0 0); numbers | numbers].
rewrite gap_single eps_single weight_norm_single (@size _ _ 1 5) ?(@sizeN _ _ 3 5); try by numbers.
have -> m : radius P * - (wn (- (1%:R / 2%:R)) (- 2%:R) (- 1%:R) * - (1%:R / 2%:R)) +
    wn (- (1%:R / 2%:R)) (- 2%:R) (- 1%:R) * m / 2%:R = 5%:R / 4%:R + 5%:R / 4%:R * m by numbers.
by apply: (@grows _ _ _ _ _ _ 3 5 least); [numbers | apply: (@above _ _ _ 7 0); numbers].
Qed.

Theorem no_weight R : Mutants.no_weight R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr; set P := single _ _ _ _ _ _.
split; first exact: convex_single.
split; first exact: smooth_single.
have least : misfit P <= 1%:R.
  apply: (le_trans (@misfit_single R _ _ _ _ _ _ _ _ (-1) _)); first by rewrite normrN1.
  by rewrite (@sizeN _ _ 0 1); [apply: (@within _ _ _ 0 0); numbers | numbers].
rewrite gap_single eps_single (@sizeN _ _ 0 6); last by numbers.
have -> m : radius P * - (wn 1%:R 5%:R (- 1%:R) * 1%:R) + m = 6%:R + 1%:R * m by numbers.
by apply: (@grows _ _ _ _ _ _ 0 1 least); [numbers | apply: (@above _ _ _ 0 2); numbers].
Qed.

Theorem no_stationarity_term R : Mutants.no_stationarity_term R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr; set P := single _ _ _ _ _ _.
split; first exact: convex_single.
split; first exact: smooth_single.
have least : misfit P <= 0.
  apply: (le_trans (@misfit_single R _ _ _ _ _ _ _ _ (-1) _)); first by rewrite normrN1.
  by rewrite (@size _ _ 0 0); [apply: (@within _ _ _ 0 0); numbers | numbers].
rewrite gap_single weight_norm_single (@sizeN _ _ 0 1); last by numbers.
have -> m : - wn 1%:R 1%:R 0 * m = 0 + 1%:R * m by numbers.
by apply: (@grows _ _ _ _ _ _ 0 1 least); [numbers | apply: (@above _ _ _ 1 0); numbers].
Qed.

Theorem sl_first_order_no_eps R : Mutants.sl_first_order_no_eps R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr; set P := single _ _ _ _ _ _.
split; first exact: convex_single.
have least : misfit_plain P <= 0.
  apply: (le_trans (@misfit_plain_single R _ _ _ _ _ _ _ _ (-1) _)); first by rewrite normrN1.
  by rewrite (@size _ _ 0 0); [apply: (@within _ _ _ 0 0); numbers | numbers].
rewrite gap_single weight_norm_single (@sizeN _ _ 0 1); last by numbers.
have -> m : - wn 1%:R 1%:R 0 * m = 0 + 1%:R * m by numbers.
by apply: (@grows _ _ _ _ _ _ 0 1 least); [numbers | apply: (@above _ _ _ 1 0); numbers].
Qed.

Theorem refined_twice R : Mutants.refined_twice R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr; set P := single _ _ _ _ _ _.
split; first exact: smooth_single.
rewrite gap_single eps_single weight_norm_single bregman_single !(@size _ _ 0 0); try by numbers.
have -> m : radius P * (wn 1%:R 0 0 * 1%:R) + wn 1%:R 0 0 * m - 2%:R * (un 1%:R 0 (Adapted _ 1%:R) ^+ 2 / 2%:R) = - 1%:R.
  by numbers.
by apply: (@above _ _ _ 1 0); numbers.
Qed.

Theorem c3_half R : Mutants.c3_half R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr; set P := single _ _ _ _ _ _.
split; first exact: convex_single.
split; first exact: smooth_single.
split; first by apply: free_single; rewrite oppr_eq0 oner_neq0.
have least : min_norm_solution P <= 1%:R.
  apply: (le_trans (@min_norm_single R _ _ _ _ _ _ _ _ (-1) _)); first by numbers.
  by rewrite normrN1.
rewrite gap_single eps_single (@sizeN _ _ 0 2); last by numbers.
have -> m : - (wn (- 1%:R) (- 1%:R) (- 1%:R) * - 1%:R) * m / 2%:R = 0 + 1%:R * m by numbers.
by apply: (@grows _ _ _ _ _ _ 0 1 least); [numbers | apply: (@above _ _ _ 1 0); numbers].
Qed.

Theorem c4_twice R : Mutants.c4_twice R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr; set P := single _ _ _ _ _ _.
split; first exact: smooth_single.
split; first exact: strong_single.
have mu : 1 <= strong_convexity P := strong_single_ge1 _ _ _ _ _ _.
rewrite gap_single eps_single weight_norm_single function_displacement_single.
rewrite (@sizeN _ (un 1%:R 0 (Adapted _ 1%:R)) 0 1) ?(@size _ (wn _ _ _ * _) 0 0) ?(@size _ (wn _ _ _) 0 0); try by numbers.
apply: beyond (@above _ _ (- 1%:R) 1 0 _) _; first by numbers.
have -> m : radius P * (wn 1%:R 0 0 * 1%:R) + wn 1%:R 0 0 * misfit P - m * (- un 1%:R 0 (Adapted _ 1%:R)) ^+ 2 = - m.
  by numbers.
by rewrite ler_opp2.
Qed.
