(* Exact instances refute mutants of what is said of linear models, and claims without an assumption: of one task (Single)
   and of several that share an input and a label (Several). *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Core LinearDefinitions Single SingleLinear Several LinearMutants Refuted.
Import GRing.Theory Num.Theory Order.TTheory.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope ring_scope.

Theorem c5_half R : LinearMutants.c5_half R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr; split; first exact: convex_linear.
split; first by exists (row1 1%:R).
split; first exact: still_linear.
rewrite gap_single eps_single (@displacement_linear _ _ _ _ _ _ _ _ _ 1%:R) //.
rewrite (@size _ (wn _ _ _ * _) 0 2) ?(@size _ (2%:R - 1%:R) 0 1); try by numbers.
by apply: (@above _ _ _ 1 0); numbers.
Qed.

Theorem mixed_half_constant R : LinearMutants.mixed_half_constant R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr; set P := linear _ _ _ _ _ _.
have w0 : wn (- (1%:R / 2%:R)) (- 2%:R) (- 1%:R) != 0 :> R.
  by apply/eqP; apply: (@apart _ _ _ 1 4); numbers.
split; first exact: convex_linear.
split; first exact: smooth_linear.
split=> //; split; first exact: vanishing_linear.
have least : mixed_misfit P <= 1%:R / 2%:R.
  apply: (le_trans (@mixed_misfit_linear R _ _ _ _ _ _ _ _ (-1) _ w0)); first by rewrite normrN1.
  by rewrite (@size _ _ 1 1); [apply: (@within _ _ _ 0 0); numbers | numbers].
rewrite gap_single eps_single mixed_weight_norm_linear (@size _ _ 1 5) ?(@sizeN _ _ 3 5); try by numbers.
have -> m : radius P * - (wn (- (1%:R / 2%:R)) (- 2%:R) (- 1%:R) * - (1%:R / 2%:R)) +
    wn (- (1%:R / 2%:R)) (- 2%:R) (- 1%:R) * m / 2%:R = 5%:R / 4%:R + 5%:R / 4%:R * m by numbers.
by apply: (@grows _ _ _ _ _ _ 3 5 least); [numbers | apply: (@above _ _ _ 7 0); numbers].
Qed.

Theorem sl_mixed_l1_half R : LinearMutants.sl_mixed_l1_half R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists 0, ltr01, vr; set P := linear _ _ _ _ _ _.
split; first exact: convex_linear.
split; first exact: smooth_linear.
split=> //; rewrite gap_single; apply: beyond (@above _ _ 1%:R 1 0 _) _; first by numbers.
rewrite ler_pdivr_mulr ?ltr0n //; apply: (le_trans (@mixed_misfit_l1_linear R _ _ _ _ _ _ _ _ 0)).
rewrite normr0 mulr0 add0r (@size _ _ 0 2); last by numbers.
by rewrite le_eqVlt; apply/orP; left; apply/eqP; numbers.
Qed.

(* Two tasks: weights 1/2, two labels of their own, or one that they share. *)
Section Two.
Variable R : realType.
Local Notation halves := (@listed R 2 [:: (1%:R / 2%:R); (1%:R / 2%:R)]).
Local Notation own := (@tabled R 2 2 [:: [:: (1%:R); (0%:R)]; [:: (0%:R); (1%:R)]]).
Local Notation shared := (@tabled R 2 3 [:: [:: (1%:R / 2%:R); (1%:R / 2%:R); (0%:R)]; [:: (1%:R / 2%:R); (0%:R); (1%:R / 2%:R)]]).

Lemma halves_ge0 i : 0 <= halves i.
Proof. by case: i => -[|[|]] //= ?; rewrite /listed /= divr_ge0 ?ler0n. Qed.
Lemma own_ge0 i k : 0 <= own i k.
Proof. by case: i => -[|[|]] //= ?; case: k => -[|[|]] //= ?; rewrite /tabled /= ler0n. Qed.
Lemma own_sum i : \sum_k own i k = 1.
Proof. by rewrite !big_ord_recl big_ord0; case: i => -[|[|]] //= ?; rewrite /tabled /=; field. Qed.
Lemma shared_ge0 i k : 0 <= shared i k.
Proof. by case: i => -[|[|]] //= ?; case: k => -[|[|[|]]] //= ?; rewrite /tabled /= ?divr_ge0 ?ler0n. Qed.
Lemma shared_sum i : \sum_k shared i k = 1.
Proof. by rewrite !big_ord_recl big_ord0; case: i => -[|[|]] //= ?; rewrite /tabled /=; field. Qed.
End Two.

Ltac sums := rewrite ?big_ord_recl ?big_ord0 /wi /ui /mean ?big_ord_recl ?big_ord0 /listed /tabled /=.

(* omega is stationary, and functions are better. *)
Lemma contradiction R r v (r0 : 0 < r) (vr : `|v| <= r) :
  let P := several (@listed R 2 [:: (1%:R); (- (1%:R))]) (1%:R) (0%:R) (@listed R 2 [:: (1%:R); (- (1%:R))])
    (@halves_ge0 R) (@own_ge0 R) (@own_sum R) r0 vr in eps P = 0 /\ ~ (gap P <= 0).
Proof.
split.
  by rewrite eps_several (_ : \sum_i _ = 0) ?normr0 //; sums; field.
by rewrite gap_several; apply: (@above _ _ _ 1 0); sums; field.
Qed.

Theorem meta_sl_c1_parameter_comparator_contradictory_functions_c1 R :
  LinearMutants.meta_sl_c1_parameter_comparator_contradictory_functions_c1 R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists (@halves_ge0 R), (@own_ge0 R), (@own_sum R), 0, ltr01, vr; have [e no] := contradiction ltr01 vr.
split; last by rewrite e.
by exists (fun k => row1 (@listed R 2 [:: (1%:R); (- (1%:R))] k)) => k p; rewrite dot1 /= /squared !mxE eqxx mulr1n expr2.
Qed.

Theorem meta_sl_c3_full_row_rank_contradictory_labels R : LinearMutants.meta_sl_c3_full_row_rank_contradictory_labels R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists (@halves_ge0 R), (@own_ge0 R), (@own_sum R), 0, ltr01, vr; have [e no] := contradiction ltr01 vr.
split; first exact: convex_several.
by split; [exact: smooth_several | rewrite e mulr0].
Qed.

Theorem meta_sl_c5_parameter_comparator_contradictory_functions_c5 R :
  LinearMutants.meta_sl_c5_parameter_comparator_contradictory_functions_c5 R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists (@halves_ge0 R), (@own_ge0 R), (@own_sum R), 0, ltr01, vr; have [e no] := contradiction ltr01 vr.
split; first exact: convex_several.
by split; [move=> j; rewrite mul0r | rewrite e].
Qed.

(* The mixed form without (D): the tasks cancel at the label that they share. *)
Theorem meta_sl_mixed_numerator_vanishes_overlapping_labels_functions_as_comparator R :
  LinearMutants.meta_sl_mixed_numerator_vanishes_overlapping_labels_functions_as_comparator R.
Proof.
have vr : `|0 : R| <= 1%:R by rewrite normr0 ler0n.
exists (@halves_ge0 R), (@shared_ge0 R), (@shared_sum R), 0, ltr01, vr; set P := several _ _ _ _ _ _ _ _ _.
split; first exact: convex_several.
split; first exact: smooth_several.
split=> //; have e : eps P = 0 by rewrite eps_several (_ : \sum_i _ = 0) ?normr0 //; sums; field.
pose q := @listed R 2 [:: (1%:R / 2%:R); (1%:R / 2%:R)].
pose D := @tabled R 2 3 [:: [:: (1%:R / 2%:R); (1%:R / 2%:R); (0%:R)]; [:: (1%:R / 2%:R); (0%:R); (1%:R / 2%:R)]].
pose y := @listed R 3 [:: (0%:R); (1%:R); (- (1%:R))].
pose h := @listed R 2 [:: (1%:R / 4%:R); (- (1%:R / 4%:R))].
have [m0 m1 m2] : [/\ mass_of q D ord0 = 1%:R / 2%:R, mass_of q D (lift ord0 ord0) = 1%:R / 4%:R &
    mass_of q D (lift ord0 (lift ord0 ord0)) = 1%:R / 4%:R].
  by split; rewrite /mass_of /q /D; sums; field.
have [w0 w1 w2] : [/\ weight_of q D y 1%:R 0%:R ord0 = 0, weight_of q D y 1%:R 0%:R (lift ord0 ord0) = - (1%:R / 2%:R) &
    weight_of q D y 1%:R 0%:R (lift ord0 (lift ord0 ord0)) = 1%:R / 2%:R].
  by split; rewrite /weight_of ?m0 ?m1 ?m2 /q /D /y; sums; field.
have [t1 t2] : target_of q D y 1%:R 0%:R h (lift ord0 ord0) = 1%:R / 8%:R /\
    target_of q D y 1%:R 0%:R h (lift ord0 (lift ord0 ord0)) = 1%:R / 8%:R.
  by split; rewrite /target_of ?m1 ?m2 /q /D /y /h; sums; field.
have weighs : mixed_weight_norm P = Num.sqrt (1%:R / 8%:R).
  rewrite mixed_weight_norm_several; congr Num.sqrt; rewrite !big_ord_recl big_ord0 -/q -/D -/y m0 m1 m2 w0 w1 w2.
  by field.
have misses : mixed_misfit P <= Num.sqrt (1%:R / 32%:R).
  apply: (le_trans (mixed_misfit_several _ _ _ _ _ _ _ _ _)); rewrite le_eqVlt; apply/orP; left; apply/eqP.
  congr Num.sqrt; rewrite !big_ord_recl big_ord0 -/q -/D -/y -/h m0 m1 m2 w0 w1 w2 t1 t2 eqxx.
  rewrite oppr_eq0 mulf_eq0 invr_eq0 !pnatr_eq0 /=.
  by field.
have least : mixed_weight_norm P * mixed_misfit P <= 1%:R / 16%:R.
  rewrite weighs; apply: (le_trans (ler_wpmul2l (sqrtr_ge0 _) misses)).
  rewrite -sqrtrM ?divr_ge0 ?ler0n // (_ : 1%:R / 8%:R * (1%:R / 32%:R) = (1%:R / 16%:R) ^+ 2); last by field.
  by rewrite sqrtr_sqr ger0_norm // divr_ge0 ?ler0n.
rewrite e mulr0 add0r => bound; have := le_trans bound least; rewrite gap_several.
by apply: (@above _ _ _ 31 0); sums; field.
Qed.
