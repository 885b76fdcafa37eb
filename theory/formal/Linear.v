(* C1 and C5: with squares every step of a linear model is affine in the parameter, and without a step nothing adapts;
   either way the displacement is represented by that of the parameters. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus Core Convexity LinearDefinitions.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Squares.
Variables (R : realType) (n m : nat) (atoms : finType).
Variables (mass : atoms -> R) (at_ : atoms -> 'M[R]_(n.+1, m.+1)) (target : atoms -> 'rV[R]_m.+1).
Hypothesis mass_ge0 : forall k, 0 <= mass k.
Local Notation parameter := 'rV[R]_n.+1.

(* Sums of squares of affine functions. *)
Definition squares (t : parameter) : R^o :=
  \sum_k mass k * (dot (t *m at_ k - target k) (t *m at_ k - target k) / 2%:R).
Let H : 'M[R]_n.+1 := \sum_k mass k *: (at_ k *m (at_ k)^T).
Let b : parameter := \sum_k mass k *: (target k *m (at_ k)^T).
Let bend (d : parameter) : R := \sum_k mass k * (dot (d *m at_ k) (d *m at_ k) / 2%:R).

Lemma dot_mx p l (x : 'rV[R]_p) (y : 'rV[R]_l) (A : 'M_(p, l)) : dot (x *m A) y = dot x (y *m A^T).
Proof.
rewrite dotC mulmx_dot /dot; apply: eq_bigr => j _; congr (_ * _).
by rewrite !mxE; apply: eq_bigr => k _; rewrite !mxE.
Qed.

Lemma dot_sumr p (d : 'rV[R]_p) (f : atoms -> 'rV[R]_p) : dot d (\sum_k f k) = \sum_k dot d (f k).
Proof. by rewrite dotC dot_suml; apply: eq_bigr => k _; rewrite dotC. Qed.

Lemma slopesE t d : dot d (t *m H - b) = \sum_k mass k * dot (d *m at_ k) (t *m at_ k - target k).
Proof.
rewrite dotDr dotNr /b dot_sumr /H mulmx_sumr dot_sumr -sumrB; apply: eq_bigr => k _.
by rewrite -scalemxAr !dotZr mulmxA -mulrBr -dotNr -dotDr -mulNmx -mulmxDl dot_mx.
Qed.

Lemma expand t d (h : R) : squares (h *: d + t) = squares t + h * dot d (t *m H - b) + h * h * bend d.
Proof.
rewrite slopesE /squares /bend !mulr_sumr -!big_split; apply: eq_bigr => k _ /=.
rewrite mulmxDl -scalemxAl -addrA; move: (d *m at_ k) (t *m at_ k - target k) => e f.
by rewrite !dotDl !dotDr !dotZl !dotZr (dotC f e); field.
Qed.

Lemma bend_ge0 d : 0 <= bend d.
Proof.
apply: sumr_ge0 => k _; rewrite mulr_ge0 // divr_ge0 ?ler0n // sumr_ge0 // => j _.
by rewrite -expr2 sqr_ge0.
Qed.

Lemma derive_squares t d : is_derive t d squares (dot d (t *m H - b) : R^o).
Proof. by apply: is_derive_quadratic => h; exact: expand. Qed.

Lemma gradient_squares t : gradient squares t = t *m H - b.
Proof.
apply/rowP => j; rewrite mxE (@derive_val _ _ _ _ _ _ _ (derive_squares t _)) /dot (bigD1 j) //= big1 => [|l lj].
  by rewrite mxE !eqxx mul1r addr0.
by rewrite mxE (negbTE lj) andbF mul0r.
Qed.

(* What is affine in the parameter. *)
Definition affine (f : parameter -> parameter) : Prop := exists A c, forall t, f t = t *m A + c.

Lemma affine_steps eta rates decay k : affine (iter k (step squares eta rates decay)).
Proof.
elim: k => [|k [A [c IH]]]; first by exists 1%:M, 0 => t; rewrite mulmx1 addr0.
pose D := diag_mx rates; pose S := 1%:M - eta *: ((H + decay%:M) *m D).
exists (A *m S), (c *m S + eta *: (b *m D)) => t.
rewrite iterS IH /step gradient_squares addrA mulmxA -mulmxDl; move: (t *m A + c) => x.
rewrite /S mulmxBr mulmx1 -scalemxAr mulmxA mulmxDr mul_mx_scalar.
by rewrite [_ - b + _]addrAC mulmxBl scalerBr opprB addrA addrAC.
Qed.

(* A proximal step is the one solution of a linear system. *)
Lemma affine_implicit strength : 0 < strength ->
  affine (fun theta => xget theta [set t | forall t', proximal squares strength theta t <= proximal squares strength theta t']).
Proof.
move=> l0; pose M := H + strength%:M.
have bendE d : dot d (d *m H) = 2%:R * bend d.
  rewrite /H mulmx_sumr dot_sumr /bend mulr_sumr; apply: eq_bigr => k _.
  by rewrite -scalemxAr dotZr mulmxA -dot_mx [RHS]mulrCA [2%:R * _]mulrC divfK ?pnatr_eq0.
have unitM : M \in unitmx.
  rewrite -row_free_unit; apply: inj_row_free => v v0; apply: enorm_eq0; apply/eqP; rewrite -sqrf_eq0 enorm_sq.
  have : 2%:R * bend v + strength * dot v v = 0.
    by rewrite -bendE -dotZr -dotDr -mul_mx_scalar -mulmxDr v0 /dot big1 // => j _; rewrite mxE mulr0.
  move/eqP; rewrite paddr_eq0 ?mulr_ge0 ?ler0n ?bend_ge0 ?(ltW l0) //; last first.
    by apply: sumr_ge0 => j _; rewrite -expr2 sqr_ge0.
  by case/andP => _; rewrite mulf_eq0 (gt_eqF l0).
exists (strength *: invmx M), (b *m invmx M) => theta.
pose t0 := (strength *: theta + b) *m invmx M.
have t0M : t0 *m H - b + strength *: (t0 - theta) = 0.
  rewrite scalerBr addrACA -mul_mx_scalar -mulmxDr mulmxKV // -opprD [b + _]addrC subrr //.
have up (d : parameter) : proximal squares strength theta (d + t0) =
    proximal squares strength theta t0 + (bend d + strength / 2%:R * dot d d).
  have sq (p : parameter) : enorm p ^+ 2 = dot p p by exact: enorm_sq.
  rewrite /proximal -{1}[d]scale1r expand !mul1r -[d + t0 - theta]addrA !sq -!addrA; congr (_ + _).
  have -> : dot d (t0 *m H - b) = - (strength * dot d (t0 - theta)).
    apply/eqP; rewrite -addr_eq0 -dotZr -dotDr t0M /dot big1 // => j _.
    by rewrite mxE mulr0.
  move: (t0 - theta) => x; rewrite !dotDl !dotDr (dotC x d).
  by move: (dot d d) (dot d x) (dot x x) (bend d) => A B C D; field.
have best t' : proximal squares strength theta t0 <= proximal squares strength theta t'.
  rewrite -[t'](subrK t0) up ler_addl addr_ge0 ?bend_ge0 // mulr_ge0 ?divr_ge0 ?ler0n ?(ltW l0) //.
  by apply: sumr_ge0 => j _; rewrite -expr2 sqr_ge0.
have -> : theta *m (strength *: invmx M) + b *m invmx M = t0 by rewrite /t0 mulmxDl -scalemxAl -scalemxAr.
set S := [set t | _]; have : S (xget theta S) by apply: xgetPex; exists t0.
set t := xget theta S => /(_ t0); rewrite -{1}[t](subrK t0) up ger_addl => le0.
apply/eqP; rewrite -subr_eq0; apply/eqP/enorm_eq0/eqP; rewrite -sqrf_eq0 enorm_sq -/(dot _ _).
move: le0; set d := t - t0 => le0.
have d0 : 0 <= dot d d by apply: sumr_ge0 => j _; rewrite -expr2 sqr_ge0.
rewrite eq_le d0 andbT -(pmulr_rle0 _ (divr_gt0 l0 (ltr0Sn R 1))).
by apply: le_trans le0; rewrite ler_addr bend_ge0.
Qed.
End Squares.

Section Linear.
Variables (R : realType) (P : linear_problem R).
Local Notation parameter := 'rV[R]_(size P).+1.
Local Notation prediction := 'rV[R]_(outputs P).+1.
Implicit Types (i : tasks P) (x : inputs P) (y : labels P).

Lemma jacobian_affine (f : parameter -> parameter) A c t : (forall t, f t = t *m A + c) ->
  differentiable f t /\ jacobian f t = A.
Proof.
move=> fE; have -> : f = (fun t => t *m A) \+ cst c by apply/funext => s; rewrite fE.
have d : differentiable ((fun t => t *m A) \+ cst c : parameter -> parameter) t.
  by apply: differentiableD; [exact: differentiable_mulmx | exact: differentiable_cst].
split=> //; apply: jacobianE => // v; apply: is_derive_affine => h.
by rewrite /= mulmxDl -scalemxAl -addrA addrC.
Qed.

Lemma model_jacobian i x t : differentiable (@model R P i x) t /\ jacobian (@model R P i x) t = feature x.
Proof.
have -> : @model R P i x = (fun t => t *m feature x) by apply/funext => s; exact: linear_model.
by split; [exact: differentiable_mulmx | exact: jacobian_mulmx].
Qed.

(* A displacement that is that of the parameters leaves eps times their distance. *)
Lemma represented theta : comparator P = Adapted _ theta ->
  Definitions.assume_outer_convexity P -> Definitions.assume_differentiable_adaptation P ->
  (forall i x, u i x = (omega P - theta) *m phi i x) -> gap P <= eps P * displacement P.
Proof.
move=> against convex smooth uE; apply: (le_trans (gap_le convex)).
have -> : pairing P = dot (omega P - theta) (paired (@phi R P)).
  by rewrite -pairedE /pairing; congr inner; apply/funext => i; apply/funext => x.
by rewrite /displacement against mulrC /eps gradientE // cauchy_rows.
Qed.

(* Affine adaptations. *)
Lemma affine_represented theta : comparator P = Adapted _ theta -> (forall i, affine (@adapt R P i)) ->
  forall i x, u i x = (omega P - theta) *m phi i x.
Proof.
move=> against aff i x; have [A [c adaptE]] := aff i.
have [_ J] := jacobian_affine (omega P) adaptE; have [_ M] := model_jacobian i x (adapt i (omega P)).
rewrite /u /z /h' against /adapted /phi /plain J M !linear_model !adaptE.
by rewrite /= -mulmxBl opprD addrACA subrr addr0 -mulmxBl mulmxA.
Qed.

(* Squares of predictions are squares of affine functions of the parameter. *)
Lemma inner_squares (target : labels P -> prediction) i : (forall y p, @loss R P y p = dot (p - target y) (p - target y) / 2%:R) ->
  (fun theta : parameter => \sum_x \sum_y inner_law i x y * loss y (theta *m feature x) : R^o) =
  squares (fun k : inputs P * labels P => inner_law i k.1 k.2) (fun k => feature k.1) (fun k => target k.2).
Proof.
move=> lossE; apply/funext => theta; rewrite /squares (pair_bigA _ (fun x y => inner_law i x y * loss y (theta *m feature x))) /=.
by apply: eq_bigr => k _; rewrite lossE.
Qed.

Lemma affine_adaptation i : assume_squared_loss P -> affine (@adapt R P i).
Proof.
case=> target lossE; rewrite adaptation_made (inner_squares i lossE) /adaptation; have := @strength_gt0 R P.
case: (how P) => [eta rates decay k _|strength l0]; first exact: affine_steps.
by apply: affine_implicit => // k; exact: inner_law_ge0.
Qed.

Section Loss.
Variables (l : prediction -> R^o) (t : prediction).
Hypothesis lE : forall p, l p = dot (p - t) (p - t) / 2%:R.

Lemma differentiable_square p : differentiable l p.
Proof.
have -> : l = (2%:R^-1 : R) \*: (\sum_k (fun p : prediction => (p 0 k - t 0 k : R^o) * (p 0 k - t 0 k : R^o) : R^o)).
  apply/funext => s; rewrite lE /dot mulrC /GRing.scale /= fct_sumE; congr (_ * _).
  by apply: eq_bigr => k _; rewrite !mxE.
apply: differentiableZ; apply: differentiable_sum => k.
have d : differentiable (fun p : prediction => p 0 k - t 0 k : R^o) p.
  apply: (@differentiableB _ _ _ (fun p : prediction => p 0 k : R^o) (cst (t 0 k : R^o))); last exact: differentiable_cst.
  exact: differentiable_coord.
exact: differentiableM.
Qed.

Lemma square_expand p d : l (d + p) = l p + dot d (p - t) + dot d d / 2%:R.
Proof.
rewrite !lE -addrA; move: (p - t) => e; rewrite !dotDl !dotDr (dotC e d).
by move: (dot d d) (dot d e) (dot e e) => A B C; field.
Qed.

Lemma gradient_square p : gradient l p = p - t.
Proof.
apply/rowP => j; rewrite mxE; have d : is_derive p (delta_mx 0 j) l (dot (delta_mx 0 j) (p - t) : R^o).
  apply: (@is_derive_quadratic _ _ _ _ _ _ (dot (delta_mx 0 j) (delta_mx 0 j) / 2%:R)) => h.
  by rewrite square_expand !dotZl dotZr !mulrA.
rewrite (@derive_val _ _ _ _ _ _ _ d) /dot (bigD1 j) //= big1 => [|k kj].
  by rewrite mxE !eqxx mul1r addr0.
by rewrite mxE (negbTE kj) andbF mul0r.
Qed.

Lemma bregman_square p p' : 0 <= l p' - l p - dot (gradient l p) (p' - p).
Proof.
rewrite gradient_square -{1}[p'](subrK p) square_expand dotC; move: (p' - p) => d.
have d0 : 0 <= dot d d by apply: sumr_ge0 => j _; rewrite -expr2 sqr_ge0.
rewrite (_ : _ - _ = dot d d / 2%:R) ?divr_ge0 ?ler0n //.
by move: (dot d d) (dot d (p - t)) (l p : R) => A B C; ring.
Qed.
End Loss.

Theorem c1 : assume_squared_loss P -> assume_parameter_comparator P -> gap P <= eps P * displacement P.
Proof.
move=> squared [theta against]; have [target lossE] := squared.
have smooth : Definitions.assume_differentiable_adaptation P.
  move=> i x y _; have [A [c adaptE]] := affine_adaptation i squared.
  split; [exact: (proj1 (jacobian_affine _ adaptE)) | exact: (proj1 (model_jacobian i x _)) |].
  exact: (differentiable_square (lossE y)).
apply: (represented against _ smooth); last first.
  by apply: affine_represented => // i; exact: affine_adaptation.
rewrite /Definitions.assume_outer_convexity -(zeros P); apply: atoms => i x y _.
exact: (bregman_square (lossE y)).
Qed.

Theorem c5 : assume_outer_convexity P -> assume_parameter_comparator P -> assume_no_adaptation P ->
  gap P <= eps P * displacement P.
Proof.
move=> [convex smooth_loss] [theta against] still.
have adaptE i t : adapt i t = t *m 1%:M + 0.
  rewrite mulmx1 addr0 adaptation_made /adaptation; move: still; rewrite /assume_no_adaptation.
  case: (how P) => // eta rates decay k rates0; elim: k => //= k ->; rewrite /step.
  rewrite (_ : eta *: _ = 0) ?subr0 //; apply/rowP => j; rewrite !mxE (bigD1 j) //= big1 => [|l lj].
    by rewrite !mxE eqxx mulr1n addr0 mulrCA rates0 mulr0.
  by rewrite !mxE (negbTE lj) mulr0n mulr0.
apply: (represented against) => //; last by apply: affine_represented => // i; exists 1%:M, 0.
move=> i x y uxy; split; [exact: (proj1 (jacobian_affine _ (adaptE i))) | exact: (proj1 (model_jacobian i x _)) |].
exact: smooth_loss uxy.
Qed.
End Linear.
