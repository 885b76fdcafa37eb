(* T3a: what a step on policies gains, exactly; the KL step improves every policy. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive sequences exp.
From mathcomp Require Import ring.
From Metagap Require Import Definitions DecisionDefinitions PolicyStepDefinitions Bellman PolicyGradient Returns.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope ring_scope.

Section Steps.
Variables (R : realType) (P : stepping_problem R).
Implicit Types (i : tasks P) (s : 'I_(states P)) (a : actions P).
Local Notation pi := (prior (omega P)).

(* What the prior's advantages gain, under the visits of the adapted policies. *)
Definition gain i s : R := \sum_a own i s a * advantage i pi s a.

Lemma improvementE : improvement P = \sum_i q i * ((\sum_s visits i (own i) 0 s * gain i s) / (1 - discount i)).
Proof.
rewrite /improvement /adapted_return /objective /prior_return -sumrB; apply: eq_bigr => i _; rewrite -mulrBr.
by congr (_ * _); rewrite -/(own i) (difference i (prior_lawful (omega P)) (lawful_own i)) mulrC.
Qed.

Lemma gainE i s : gain i s = \sum_a (own i s a - pi s a) * action_value i pi s a.
Proof.
rewrite -[LHS]subr0 -[X in _ - X](centred i (prior_lawful (omega P)) s) -sumrB.
under eq_bigr do rewrite -mulrBl /advantage mulrBr; rewrite sumrB -mulr_suml sumrB.
by rewrite (proj2 (lawful_own i s)) (proj2 (prior_lawful _ s)) subrr mul0r subr0.
Qed.

Section KL.
Hypothesis kl : assume_kl_step P.

Lemma partition_gt0 i s : 0 < \sum_b pi s b * expR (step_size P * action_value i pi s b).
Proof.
have each b : 0 < pi s b * expR (step_size P * action_value i pi s b) by rewrite mulr_gt0 ?prior_gt0 ?expR_gt0.
rewrite lt_neqAle eq_sym sumr_ge0 ?andbT => [|b _]; last exact: ltW.
apply/eqP => /eqP; rewrite psumr_eq0 => [/allP all0|b _]; last exact: ltW.
have := proj2 (prior_lawful (omega P) s); rewrite big1 => [/eqP|b _]; first by rewrite eq_sym oner_eq0.
by have := all0 b; rewrite mem_index_enum gt_eqF // => /(_ isT).
Qed.

Lemma own_gt0 i s a : 0 < own i s a.
Proof. by rewrite /own kl divr_gt0 ?mulr_gt0 ?prior_gt0 ?expR_gt0 ?partition_gt0. Qed.

Lemma log_ratio i s a : ln (own i s a / pi s a) = step_size P * action_value i pi s a -
  ln (\sum_b pi s b * expR (step_size P * action_value i pi s b)).
Proof.
have p0 := prior_gt0 (omega P) s a; have Z0 := partition_gt0 i s.
rewrite -[X in X - _]expK -ln_div ?posrE ?expR_gt0 //; congr ln; rewrite /own kl mulrAC.
by rewrite [pi s a * _]mulrC mulfK // gt_eqF.
Qed.

Lemma jeffreysE i s : divergence (own i s) (pi s) + divergence (pi s) (own i s) =
  \sum_a (own i s a - pi s a) * ln (own i s a / pi s a).
Proof.
rewrite /divergence -big_split; apply: eq_bigr => a _ /=.
have p0 := prior_gt0 (omega P) s a; have o0 := own_gt0 i s a.
by rewrite !ln_div ?posrE //; ring.
Qed.

Theorem t3a : step_size P * improvement P = jeffreys P.
Proof.
rewrite improvementE mulr_sumr; apply: eq_bigr => i _; rewrite mulrCA; congr (_ * _).
rewrite mulrA; congr (_ / _); rewrite mulr_sumr; apply: eq_bigr => s _; rewrite mulrCA; congr (_ * _).
rewrite jeffreysE gainE mulr_sumr.
under [RHS]eq_bigr do rewrite log_ratio mulrBr.
rewrite sumrB -[X in _ = _ - X]mulr_suml sumrB (proj2 (lawful_own i s)) (proj2 (prior_lawful _ s)) subrr mul0r subr0.
by apply: eq_bigr => a _; rewrite mulrCA.
Qed.

Lemma jeffreys_ge0 : 0 <= jeffreys P.
Proof.
apply: sumr_ge0 => i _; rewrite mulr_ge0 ?q_ge0 // divr_ge0 ?(ltW (horizon i)) // sumr_ge0 // => s _.
rewrite mulr_ge0 ?(visits_ge0 i (lawful_own i)) // jeffreysE sumr_ge0 // => a _.
have p0 := prior_gt0 (omega P) s a; have o0 := own_gt0 i s a.
rewrite ln_div ?posrE //; have [le|/ltW le] := lerP (pi s a) (own i s a).
  by rewrite mulr_ge0 // subr_ge0 // ler_ln ?posrE.
by rewrite mulr_le0 // subr_le0 // ler_ln ?posrE.
Qed.

Theorem t3a_improvement : assume_forward_step P -> prior_return P <= adapted_return P.
Proof.
move=> forward; rewrite -subr_ge0 -/(improvement P) -(pmulr_rge0 _ forward) t3a.
exact: jeffreys_ge0.
Qed.
End KL.

Theorem t3a_rational : assume_rational_step P -> assume_positive_policy P ->
  improvement P = step_size P * tilted_variance P.
Proof.
move=> rational [pos _]; rewrite improvementE mulr_sumr; apply: eq_bigr => i _; rewrite [RHS]mulrCA.
have [->|qi] := eqVneq (q i) 0; first by rewrite !mul0r.
have q0 : 0 < q i by rewrite lt_neqAle eq_sym qi q_ge0.
congr (_ * _); rewrite [RHS]mulrA; congr (_ / _); rewrite mulr_sumr; apply: eq_bigr => s _.
rewrite [RHS]mulrCA; congr (_ * _).
have law := prior_lawful (omega P); pose V : R := value i pi s 0.
have mean : \sum_b pi s b * (1 + step_size P * action_value i pi s b) = 1 + step_size P * V.
  under eq_bigr do rewrite mulrDr mulr1 mulrCA.
  by rewrite big_split /= (proj2 (law s)) -mulr_sumr -(valueE i law).
have Z0 : 1 + step_size P * V != 0.
  apply/eqP => Z0; have [a _|none] := pickP (fun a : actions P => true).
    have := lt0r_neq0 (pos i s a q0).
    by rewrite /own rational mean Z0 invr0 mulr0 eqxx.
  by have := proj2 (law s); rewrite big_pred0 // => /eqP; rewrite eq_sym oner_eq0.
have scaled : gain i s * (1 + step_size P * V) = step_size P * (\sum_a pi s a * (action_value i pi s a - V) ^+ 2).
  rewrite /gain mulr_suml mulr_sumr.
  transitivity (\sum_a (pi s a * advantage i pi s a * (1 + step_size P * V) +
    step_size P * (pi s a * (action_value i pi s a - V) ^+ 2))).
    apply: eq_bigr => a _; rewrite /own rational mean /advantage -/V.
    by move: (action_value i pi s a) (pi s a) (step_size P) (V) Z0 => Q p e V' Z0; field.
  by rewrite big_split /= -mulr_suml (centred i law) mul0r add0r.
by rewrite -[LHS](mulfK Z0) scaled mulrA.
Qed.
End Steps.
