(* The identity, S1 to S4 and the bounds, for every problem: however tasks adapt, whatever the model. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Core.
Variables (R : realType) (P : problem R).
Local Notation parameter := 'rV[R]_(size P).+1.
Local Notation prediction := 'rV[R]_(outputs P).+1.
Local Notation functions := (tasks P -> inputs P -> prediction).
Local Notation matrices := (forall (i : tasks P) (x : inputs P), 'M[R]_((size P).+1, (outputs P).+1)).
Implicit Types (i : tasks P) (x : inputs P) (y : labels P) (f g : functions) (v : parameter).

Lemma rho_ge0 i x : 0 <= rho i x.
Proof. by apply: sumr_ge0 => y _; exact: law_ge0. Qed.

Lemma rho0 i x y : rho i x = 0 -> law i x y = 0.
Proof.
move=> /eqP; rewrite /rho psumr_eq0 => [/allP l0|k _]; last exact: law_ge0.
by apply/eqP/l0; rewrite mem_index_enum.
Qed.

Lemma innerDr f g g' : inner f (fun i x => g i x + g' i x) = inner f g + inner f g'.
Proof.
rewrite /inner -big_split; apply: eq_bigr => i _ /=; rewrite -mulrDr -big_split; congr (_ * _).
by apply: eq_bigr => x _ /=; rewrite dotDr mulrDr.
Qed.

Lemma innerZr f g c : inner f (fun i x => c *: g i x) = c * inner f g.
Proof.
rewrite /inner mulr_sumr; apply: eq_bigr => i _; rewrite [RHS]mulrCA; congr (_ * _).
by rewrite mulr_sumr; apply: eq_bigr => x _; rewrite dotZr mulrCA.
Qed.

Lemma inner0r f : inner f (fun _ _ => 0) = 0.
Proof.
have -> : (fun _ _ => 0) = (fun i x => (0 : R) *: f i x) by apply/funext => i; apply/funext => x; rewrite scale0r.
by rewrite innerZr mul0r.
Qed.

Lemma inner_sumr f n (c : 'I_n -> R) (g : 'I_n -> functions) :
  inner f (fun i x => \sum_j c j *: g j i x) = \sum_j c j * inner f (g j).
Proof.
elim: n => [|n IH] in c g *; first by rewrite big_ord0 -[RHS](inner0r f); congr inner; apply/funext => i;
  apply/funext => x; rewrite big_ord0.
rewrite big_ord_recl -IH -innerZr -innerDr; congr inner.
by apply/funext => i; apply/funext => x; rewrite big_ord_recl.
Qed.

(* <f, g> as one sum over (task, input, component). *)
Lemma innerE f g : inner f g =
  \sum_(k : tasks P * (inputs P * 'I_(outputs P).+1)) (q k.1 * rho k.1 k.2.1) *
    (f k.1 k.2.1 0 k.2.2 * g k.1 k.2.1 0 k.2.2).
Proof.
rewrite -(pair_bigA _ (fun i (k : inputs P * 'I_(outputs P).+1) =>
  q i * rho i k.1 * (f i k.1 0 k.2 * g i k.1 0 k.2))) /=.
apply: eq_bigr => i _; rewrite -(pair_bigA _ (fun x a => q i * rho i x * (f i x 0 a * g i x 0 a))) /=.
rewrite mulr_sumr; apply: eq_bigr => x _; rewrite /dot mulrA mulr_sumr.
by apply: eq_bigr.
Qed.

Lemma norm_ge0 f : 0 <= norm f.
Proof. exact: sqrtr_ge0. Qed.

Lemma cauchy_inner f g : inner f g <= norm f * norm g.
Proof.
rewrite /norm !innerE; apply: cauchy => k.
by rewrite mulr_ge0 ?q_ge0 ?rho_ge0.
Qed.

(* sum_i q_i E[ell'(z_i, y)'g_i] = <w, g>: condition on x. *)
Lemma condition g :
  \sum_i q i * expectation i (fun x y => dot (gradient (@loss R P y) (z i x)) (g i x)) = inner (@w R P) g.
Proof.
apply: eq_bigr => i _; congr (_ * _); apply: eq_bigr => x _; rewrite /w dotZl dot_suml.
have [r0|r0] := eqVneq (rho i x) 0.
  by rewrite r0 mul0r big1 // => y _; rewrite (rho0 y r0) mul0r.
by rewrite mulrA mulfV // mul1r; apply: eq_bigr => y _; rewrite dotZl.
Qed.

(* The identity without its derivative: by the definition of Breg. *)
Lemma gap_bregman : gap P + bregman P = pairing P.
Proof.
rewrite /pairing -condition /gap /objective /bregman -sumrB -big_split.
apply: eq_bigr => i _; rewrite /= -mulrBr -mulrDr; congr (_ * _).
rewrite /risk /expectation -sumrB -big_split; apply: eq_bigr => x _.
rewrite /= -sumrB -big_split; apply: eq_bigr => y _.
rewrite /= -mulrBr -mulrDr; congr (_ * _).
rewrite /u -[h' i x - z i x]opprB dotNr opprK /z.
by set a := loss _ _; set b := loss _ _; set d := dot _ _; ring.
Qed.

(* S2, the chain rule: the derivative of L along v is <w, phi'v>. *)
Lemma chain v : assume_differentiable_adaptation P ->
  'D_v (@objective R P) (omega P) = inner (@w R P) (fun i x => v *m phi i x).
Proof.
move=> smooth; rewrite -condition.
have -> : @objective R P = (fun th => \sum_i (\sum_x (\sum_y
    q i * law i x y * loss y (adapted th i x) : R^o) : R^o) : R^o).
  apply/funext => th; apply: eq_bigr => i _; rewrite /risk /expectation mulr_sumr.
  by apply: eq_bigr => x _; rewrite mulr_sumr; apply: eq_bigr => y _; rewrite mulrA.
have -> : \sum_i q i * expectation i (fun x y => dot (gradient (@loss R P y) (z i x)) (v *m phi i x)) =
    \sum_i \sum_x \sum_y q i * law i x y * dot (gradient (@loss R P y) (z i x)) (v *m phi i x).
  apply: eq_bigr => i _; rewrite /expectation mulr_sumr.
  by apply: eq_bigr => x _; rewrite mulr_sumr; apply: eq_bigr => y _; rewrite mulrA.
apply: derive_val; apply: is_derive_sums => i; apply: is_derive_sums => x; apply: is_derive_sums => y.
apply: is_derive_scale => c0.
have [dU dh dl] : [/\ differentiable (@adapt R P i) (omega P),
    differentiable (@model R P i x) (adapt i (omega P)) & differentiable (@loss R P y) (z i x)].
  by apply: smooth; rewrite /used lt_neqAle eq_sym c0 mulr_ge0 ?q_ge0 ?law_ge0.
have dz : differentiable (@model R P i x \o @adapt R P i) (omega P) by exact: differentiable_comp.
have dc : differentiable (@loss R P y \o (@model R P i x \o @adapt R P i)) (omega P).
  exact: differentiable_comp.
apply: DeriveDef; first exact: diff_derivable.
rewrite (deriveE v dc) diff_comp //= -(derive_gradient _ dl) (deriveE _ dl); congr ('d _ _ _).
by rewrite diff_comp //= !derive_jacobian // mulmxA.
Qed.

Lemma gradientE : assume_differentiable_adaptation P -> gradient (@objective R P) (omega P) = paired (@phi R P).
Proof.
by move=> smooth; apply/rowP => j; rewrite !mxE (chain _ smooth); congr inner; apply/funext => i;
  apply/funext => x; rewrite rowE.
Qed.

Lemma pairedE (features : matrices) v : inner (@w R P) (fun i x => v *m features i x) = dot v (paired features).
Proof.
have -> : (fun i x => v *m features i x) = (fun i x => \sum_j v 0 j *: row j (features i x)).
  by apply/funext => i; apply/funext => x; rewrite mulmx_sum_row.
by rewrite inner_sumr; apply: eq_bigr => j _; rewrite mxE.
Qed.

(* <w, u> = v'<w, phi> + <w, u - phi'v> for any features. *)
Lemma split_pairing (features : matrices) v :
  pairing P = dot v (paired features) + inner (@w R P) (residual features v).
Proof.
rewrite -pairedE -innerDr; congr inner; apply/funext => i; apply/funext => x.
by rewrite /residual addrC subrK.
Qed.

Lemma directionE : assume_differentiable_adaptation P -> direction P = dot (along P) (paired (@phi R P)).
Proof. by move=> smooth; rewrite /direction chain // pairedE. Qed.

Lemma ball0 : @ball R P 0.
Proof. by rewrite /ball /= enorm0 ltW // radius_gt0. Qed.

Lemma along_features (features : matrices) v : @ball R P v ->
  dot v (paired features) <= radius P * enorm (paired features).
Proof.
by move=> vR; apply: (le_trans (cauchy_rows _ _)); rewrite ler_wpmul2r ?enorm_ge0.
Qed.

Lemma lifted_pairing (features : matrices) : pairing P <=
  radius P * enorm (paired features) + weight_norm P * inf [set norm (residual features v) | v in @ball R P].
Proof.
apply: below_inf; [exact: norm_ge0 | by exists 0; exact: ball0 | move=> v vR].
by rewrite (split_pairing features v) ler_add ?along_features // cauchy_inner.
Qed.

Lemma l1_pairing : assume_differentiable_adaptation P -> pairing P <= misfit_l1 P.
Proof.
move=> smooth; rewrite /misfit_l1; apply: lb_le_inf; first by eexists; exists 0.
move=> _ [v _ <-]; rewrite (split_pairing (@phi R P) v) ler_add //.
  by rewrite mulrC /eps gradientE // cauchy_rows.
apply: ler_sum => i _; rewrite ler_wpmul2l ?q_ge0 //.
by apply: ler_sum => x _; rewrite ler_wpmul2l ?rho_ge0 // ler_norm.
Qed.

(* Breg is linear in nothing: what it takes off the gap stands on the other side. *)
Lemma gapE : gap P = pairing P - bregman P.
Proof. by rewrite -gap_bregman addrK. Qed.

Lemma gap_le : assume_outer_convexity P -> gap P <= pairing P.
Proof. by move=> convex; rewrite gapE ler_subl_addr ler_addl. Qed.

Theorem identity : assume_differentiable_adaptation P -> gap P + bregman P = inner_product P + direction P.
Proof. by move=> smooth; rewrite gap_bregman (split_pairing (@phi R P) (along P)) directionE // addrC. Qed.

Theorem s2 : assume_differentiable_adaptation P -> chain_rule_defect P = zero P.
Proof. by move=> smooth; rewrite /chain_rule_defect gradientE // subrr enorm0. Qed.

Theorem s3 : assume_differentiable_adaptation P -> direction P <= radius P * eps P.
Proof. by move=> smooth; rewrite directionE // /eps gradientE //; apply: along_features; exact: along_ball. Qed.

Theorem s4 : inner_product P <= weight_norm P * residual_norm P.
Proof. exact: cauchy_inner. Qed.

Theorem refined : assume_differentiable_adaptation P -> gap P <= radius P * eps P + weight_norm P * misfit P - bregman P.
Proof. by move=> smooth; rewrite gapE ler_add // /eps gradientE //; exact: lifted_pairing. Qed.

Theorem refined_l1 : assume_differentiable_adaptation P -> gap P <= misfit_l1 P - bregman P.
Proof. by move=> smooth; rewrite gapE ler_add // l1_pairing. Qed.

Theorem lifted : assume_outer_convexity P -> assume_differentiable_adaptation P ->
  gap P <= radius P * eps P + weight_norm P * misfit P.
Proof.
by move=> convex smooth; apply: (le_trans (refined smooth)); rewrite ler_subl_addr ler_addl.
Qed.

Theorem l1 : assume_outer_convexity P -> assume_differentiable_adaptation P -> gap P <= misfit_l1 P.
Proof.
by move=> convex smooth; apply: (le_trans (refined_l1 smooth)); rewrite ler_subl_addr ler_addl.
Qed.

Theorem first_order : assume_outer_convexity P ->
  gap P <= radius P * eps_first_order P + weight_norm P * misfit_plain P.
Proof. by move=> convex; apply: (le_trans (gap_le convex)); exact: lifted_pairing. Qed.
End Core.
