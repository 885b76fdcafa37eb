(* C7: one task whose adaptation has an invertible Jacobian. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus Core LinearDefinitions Linear.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section OneTask.
Variables (R : realType).

Lemma stretch n (A : 'M[R]_n) (v : 'rV[R]_n) : least_stretch A * enorm v <= enorm (v *m A).
Proof.
have [v0|v0] := eqVneq (enorm v) 0; first by rewrite v0 mulr0 enorm_ge0.
have v1 : enorm ((enorm v)^-1 *: v) = 1 by rewrite enormZ ger0_norm ?invr_ge0 ?enorm_ge0 // mulVf.
have vp : 0 < enorm v by rewrite lt_neqAle eq_sym v0 enorm_ge0.
rewrite -ler_pdivl_mulr //; apply: inf_lb; first by exists 0 => _ [w _ <-]; exact: enorm_ge0.
exists ((enorm v)^-1 *: v) => //.
by rewrite -scalemxAl enormZ ger0_norm ?invr_ge0 ?enorm_ge0 // mulrC.
Qed.

Lemma dot_sqr n (a b : 'rV[R]_n) : dot a b ^+ 2 <= enorm a ^+ 2 * enorm b ^+ 2.
Proof.
rewrite -exprMn -[X in X <= _]real_normK ?num_real // ler_sqr ?nnegrE ?mulr_ge0 ?enorm_ge0 //.
by rewrite ler_norml ler_oppl -dotNr -{1}(enormN b) !cauchy_rows.
Qed.

Lemma stretch_gt0 n (A : 'M[R]_n.+1) : A \in unitmx -> 0 < least_stretch A.
Proof.
move=> unit; pose F := \sum_j \sum_i invmx A i j ^+ 2.
have F0 : 0 <= F by apply: sumr_ge0 => i _; apply: sumr_ge0 => j _; rewrite sqr_ge0.
(* ||v|| = ||(v A) A^-1|| <= ||v A|| F^(1/2) *)
have up v : enorm v <= enorm (v *m A) * Num.sqrt F.
  rewrite -{1}[v](mulmxK unit); move: (v *m A) => w.
  rewrite -ler_sqr ?nnegrE ?mulr_ge0 ?enorm_ge0 ?sqrtr_ge0 // exprMn [Num.sqrt F ^+ 2]sqr_sqrtr // [X in X <= _]enorm_sq /F mulr_sumr.
  apply: ler_sum => j _; have := dot_sqr w (row j (invmx A)^T).
  have -> : dot w (row j (invmx A)^T) = (w *m invmx A) 0 j.
    by rewrite [RHS]mxE; apply: eq_bigr => k _; rewrite !mxE.
  rewrite expr2 => le; apply: (le_trans le); rewrite le_eqVlt; apply/orP; left; apply/eqP.
  by rewrite !enorm_sq; congr (_ * _); apply: eq_bigr => k _; rewrite !mxE expr2.
have F1 : 0 < Num.sqrt F.
  rewrite lt_neqAle eq_sym sqrtr_ge0 andbT; apply/eqP => z; have := up (delta_mx 0 0); rewrite z mulr0 leNgt.
  by rewrite lt_neqAle enorm_ge0 andbT eq_sym; case: eqP => // /enorm_eq0/matrixP/(_ 0 0); rewrite !mxE eqxx => /eqP; rewrite oner_eq0.
apply: (@lt_le_trans _ _ (Num.sqrt F)^-1); first by rewrite invr_gt0.
apply: lb_le_inf.
  exists (enorm ((delta_mx 0 0 : 'rV[R]_n.+1) *m A)), (delta_mx 0 0) => //=.
  rewrite /enorm (bigD1 0) //= big1 ?addr0 => [|k /negbTE k0]; rewrite !mxE ?eqxx ?mulr1 ?sqrtr1 //.
  by rewrite k0 andbF mulr0.
move=> _ [v v1 <-]; rewrite -[X in X <= _]mul1r ler_pdivr_mulr // -v1.
exact: up.
Qed.

Variable P : linear_problem R.

Theorem c7 : assume_outer_convexity P -> assume_differentiable_adaptation P -> assume_single_task P ->
  assume_parameter_comparator P -> assume_invertible_jacobian P ->
  gap P <= eps P * adapted_displacement P / jacobian_min P.
Proof.
move=> [convex _] [smooth _] [i0 one] [theta against] unit.
have q0 : 0 < q i0 by apply/one.
have others i : i != i0 -> q i = 0.
  move=> ii0; apply/eqP; rewrite eq_le q_ge0 andbT leNgt; apply/negP => qi.
  by move: ii0; rewrite (proj1 (one i) qi) eqxx.
have onlyE f : only f = f i0.
  rewrite /only (bigD1 i0) //= q0 big1 ?addr0 // => i ii0.
  by rewrite others // ltxx.
pose J := jacobian (@adapt R P i0) (omega P); pose g := paired (@plain R P).
have inner_only f f' : (forall x, f i0 x = f' i0 x) -> inner (@w R P) f = inner (@w R P) f'.
  move=> same; apply: eq_bigr => i _; have [->|/others ->] := eqVneq i i0; last by rewrite !mul0r.
  by congr (_ * _); apply: eq_bigr => x _; rewrite same.
have G : paired (@phi R P) = g *m J^T.
  apply/rowP => j; rewrite mxE; transitivity (dot (row j J) g).
    by rewrite -pairedE; apply: inner_only => x; rewrite /phi row_mul.
  by rewrite mxE /dot; apply: eq_bigr => k _; rewrite !mxE mulrC.
have gapg : gap P <= dot (adapt i0 (omega P) - adapt i0 theta) g.
  apply: (le_trans (gap_le convex)); rewrite -pairedE le_eqVlt; apply/orP; left; apply/eqP.
  apply: inner_only => x; rewrite /plain (proj2 (model_jacobian i0 x _)) /u /z /h' against /adapted.
  by rewrite !linear_model mulmxBl.
rewrite /adapted_displacement /jacobian_min !onlyE against.
have s0 : 0 < least_stretch J^T by apply: stretch_gt0; rewrite unitmx_tr; exact: unit.
rewrite ler_pdivl_mulr //; apply: (@le_trans _ _ (enorm (adapt i0 (omega P) - adapt i0 theta) * enorm g * least_stretch J^T)).
  by rewrite ler_wpmul2r ?(ltW s0) //; apply: (le_trans gapg); exact: cauchy_rows.
rewrite [X in _ <= X]mulrC -mulrA ler_wpmul2l ?enorm_ge0 //.
by rewrite mulrC /eps gradientE // G; exact: stretch.
Qed.
End OneTask.
