(* The problems of Single as linear models with one step of size 0: what corollaries name, as numbers. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus Core Single LinearDefinitions Linear.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section SingleLinear.
Variables (R : realType) (feature label start : R) (against : rival R R) (r v : R) (r_gt0 : 0 < r) (v_ball : `|v| <= r).
Local Notation S := (single feature label start against r_gt0 v_ball).

Fact single_model (i : tasks S) x (theta : 'rV[R]_1) : @model R S i x theta = theta *m feature%:M.
Proof. by []. Qed.

Fact single_made (i : tasks S) : @adapt R S i = adaptation
  (fun theta => \sum_(x : inputs S) \sum_(y : labels S) 1 * loss y (theta *m feature%:M) : R^o) (Steps 0 0 0 1).
Proof. by apply/funext => theta; rewrite /= /step scale0r subr0. Qed.

Fact single_sum (i : tasks S) : \sum_(x : inputs S) \sum_(y : labels S) (1 : R) = 1.
Proof. by rewrite !big_ord1. Qed.

Definition linear : linear_problem R := @Linear R S (fun=> feature%:M) (fun _ _ _ => 1) (Steps 0 0 0 1)
  single_model single_made (fun _ _ _ => ler01) single_sum I.

Lemma squared_linear : assume_squared_loss linear.
Proof. by exists (fun=> row1 label) => y p; rewrite dot1 /= /squared !mxE eqxx mulr1n expr2. Qed.

Lemma smooth_linear : LinearDefinitions.assume_differentiable_adaptation linear.
Proof.
split; first exact: smooth_single.
move=> i x y _; split; first by near=> p; exact: differentiable_squared.
have -> : gradient (@loss R linear y) = (fun p : 'rV[R]_1 => p *m 1%:M - row1 label).
  apply/funext => p; rewrite gradient_squared mulmx1; apply/rowP => j.
  by rewrite (ord1 j) !mxE !eqxx !mulr1n.
apply: (@differentiableB _ _ _ (fun p : 'rV[R]_1 => p *m 1%:M) (cst (row1 label))); last exact: differentiable_cst.
exact: differentiable_mulmx.
Unshelve. all: by end_near. Qed.

Lemma convex_linear : LinearDefinitions.assume_outer_convexity linear.
Proof. by split=> [|i x y _]; [exact: convex_single | exact: differentiable_squared]. Qed.

Local Notation L := linear.
Local Notation wn := (wn feature label start).
Local Notation un := (un feature start against).

Lemma blend_linear f x y x' : @blend R L f x y x' = f ord0.
Proof. by rewrite /blend big_ord1 /= rho_single !mul1r. Qed.

Lemma mixed_weight_linear x y x' a : @mixed_weight R L x y x' a = wn.
Proof. by rewrite /mixed_weight /mass !blend_linear divr1 w_single (ord1 a) mxE eqxx mulr1n. Qed.

Lemma mixed_target_linear x y x' a : @mixed_target R L x y x' a = wn * un.
Proof. by rewrite /mixed_target /mass !blend_linear divr1 w_single u_single (ord1 a) !mxE eqxx !mulr1n. Qed.

Lemma mixed_feature_linear t x y x' a : (row1 t *m @mixed_feature R L x y x') 0 a = t * feature.
Proof.
rewrite /mixed_feature /= scale0r subr0 mul_mx_scalar (ord1 a) !mxE eqxx mulr1n.
by rewrite mulrC.
Qed.

Lemma total_linear f : @total R L f = f ord0 ord0 ord0 0.
Proof. by rewrite /total !big_ord1 /mass blend_linear mul1r. Qed.

Lemma mixed_weight_norm_linear : mixed_weight_norm L = `|wn|.
Proof. by rewrite /mixed_weight_norm total_linear mixed_weight_linear sqrtr_sqr. Qed.

Lemma mixed_misfit_linear t : `|t| <= r -> wn != 0 -> mixed_misfit L <= `|un - t * feature|.
Proof.
move=> tr w0; apply: inf_lb; first by exists 0 => _ [p _ <-]; exact: sqrtr_ge0.
exists (row1 t); first by rewrite /ball /= enorm1 mxE eqxx mulr1n.
rewrite total_linear sqrtr_sqr /mixed_residual mixed_weight_linear mixed_target_linear mixed_feature_linear.
by rewrite (negbTE w0) mulrC mulKf.
Qed.

Lemma mixed_misfit_l1_linear t : mixed_misfit_l1 L <= eps L * `|t| + `|wn * un - wn * (t * feature)|.
Proof.
apply: inf_lb; last first.
  exists (row1 t) => //; rewrite enorm1 !big_ord1 /mass blend_linear mul1r mixed_target_linear mixed_weight_linear.
  by rewrite mixed_feature_linear mxE eqxx mulr1n.
exists 0 => _ [p _ <-]; rewrite addr_ge0 ?mulr_ge0 ?enorm_ge0 //.
by rewrite !big_ord1 mulr_ge0 // /mass blend_linear ler01.
Qed.

Lemma displacement_linear c : against = Adapted _ c -> displacement L = `|start - c|.
Proof. by move=> E; rewrite /displacement /= E enorm1 !mxE eqxx !mulr1n. Qed.

Lemma still_linear : assume_no_adaptation L.
Proof. by move=> j; rewrite mul0r. Qed.

Lemma alone_linear : assume_single_task L.
Proof. by exists ord0 => i; split=> [_|_]; [rewrite (ord1 i) | exact: ltr01]. Qed.

Lemma invertible_linear : assume_invertible_jacobian L.
Proof.
move=> i _; have -> : @adapt R L i = (fun t => t *m 1%:M) by apply/funext => t; rewrite mulmx1.
by rewrite jacobian_mulmx unitmx1.
Qed.

Lemma vanishing_linear : wn != 0 -> assume_numerator_vanishes L.
Proof. by move=> w0 x y x' a; rewrite mixed_weight_linear => e; move: w0; rewrite e eqxx. Qed.
End SingleLinear.
