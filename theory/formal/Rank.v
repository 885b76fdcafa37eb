(* C3: features that represent every displacement leave no misfit. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From Metagap Require Import Definitions Calculus Core.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Rank.
Variables (R : realType) (P : problem R).
Local Notation points := [finType of tasks P * (inputs P * 'I_(outputs P).+1)].
Local Notation N := #|points|.

(* The features at points of positive mass as the columns of a matrix, and u as a row. *)
Let inside (k : points) : bool := 0 < q k.1 * rho k.1 k.2.1.
Let A : 'M[R]_((size P).+1, N) := \matrix_(j, n)
  (if inside (enum_val n) then phi (enum_val n).1 (enum_val n).2.1 j (enum_val n).2.2 else 0).
Let b : 'rV[R]_N := \row_n (if inside (enum_val n) then u (enum_val n).1 (enum_val n).2.1 0 (enum_val n).2.2 else 0).

Lemma sum_points (F : points -> R) : \sum_(n < N) F (enum_val n) = \sum_i \sum_x \sum_a F (i, (x, a)).
Proof.
have -> : \sum_(n < N) F (enum_val n) = \sum_k F k by rewrite [RHS](reindex _ (onW_bij _ (@enum_val_bij points))).
transitivity (\sum_i \sum_(k : inputs P * 'I_(outputs P).+1) F (i, k)).
  by rewrite (pair_bigA _ (fun i (k : inputs P * 'I_(outputs P).+1) => F (i, k))); apply: eq_bigr => -[].
by apply: eq_bigr => i _; rewrite (pair_bigA _ (fun x a => F (i, (x, a)))); apply: eq_bigr => -[].
Qed.

(* Independent features represent everything. *)
Lemma solvable : assume_full_row_rank P -> exists v, @represents R P v.
Proof.
move=> free; have /submxP[v vA] : (b <= A)%MS.
  rewrite submxE; apply/eqP/rowP => m; rewrite [in RHS]mxE mxE.
  pose c i x : 'rV[R]_(outputs P).+1 := \row_a cokermx A (enum_rank ((i, (x, a)) : points)) m.
  have c0 i x : 0 < q i * rho i x -> c i x = 0.
    apply: free => j; transitivity ((A *m cokermx A) j m); last by rewrite mulmx_coker mxE.
    pose G (k : points) := (if inside k then phi k.1 k.2.1 j k.2.2 else 0) * cokermx A (enum_rank k) m.
    transitivity (\sum_(n < N) G (enum_val n)); last by rewrite mxE; apply: eq_bigr => n _; rewrite mxE /G enum_valK.
    rewrite sum_points; apply: eq_bigr => i' _; apply: eq_bigr => x' _ /=; rewrite /G /inside /=.
    by case: ifP => _; [apply: eq_bigr => a _; rewrite !mxE mulrC | rewrite big1 // => a _; rewrite mul0r].
  rewrite big1 // => n _; rewrite mxE; case: ifP => [pos|_]; last by rewrite mul0r.
  have := c0 _ _ pos => /rowP/(_ (enum_val n).2.2); rewrite !mxE.
  have -> : ((enum_val n).1, ((enum_val n).2.1, (enum_val n).2.2)) = enum_val n by case: (enum_val n) => ? [].
  by rewrite enum_valK => ->; rewrite mulr0.
exists v => i x pos; apply/rowP => a; have /rowP/(_ (enum_rank ((i, (x, a)) : points))) := vA.
rewrite !mxE enum_rankK /inside /= pos => ->.
by apply: eq_bigr => j _; rewrite [in RHS]mxE enum_rankK /inside /= pos.
Qed.

Theorem c3 : assume_outer_convexity P -> assume_differentiable_adaptation P -> assume_full_row_rank P ->
  gap P <= eps P * min_norm_solution P.
Proof.
move=> convex smooth /solvable some; rewrite -[_ * _]add0r.
apply: below_inf => [||v vu]; [exact: enorm_ge0 | exact: some |].
apply: (le_trans (gap_le convex)); rewrite (split_pairing (@phi R P) v) add0r.
have -> : inner (@w R P) (residual (@phi R P) v) = 0.
  rewrite /inner big1 // => i _; rewrite mulr_sumr big1 // => x _; rewrite mulrA.
  have [m0|m0] := eqVneq (q i * rho i x) 0; first by rewrite m0 mul0r.
  have -> : residual (@phi R P) v i x = 0.
    apply/eqP; rewrite subr_eq0 eq_sym; apply/eqP/vu.
    by rewrite lt_neqAle eq_sym m0 mulr_ge0 ?q_ge0 ?rho_ge0.
  by rewrite -(scale0r (0 : 'rV[R]_(outputs P).+1)) dotZr mul0r mulr0.
by rewrite addr0 /eps gradientE // mulrC cauchy_rows.
Qed.
End Rank.
