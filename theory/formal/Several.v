(* Problems of several tasks and labels, with one input, one parameter, squares and no adaptation, as linear models with one
   step of size 0: what the mixed form names, as sums over tasks. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus Core Convexity Single LinearDefinitions Linear.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

(* Numbers and laws, as lists. *)
Definition listed (R : realType) n (numbers : seq R) (i : 'I_n) : R := nth 0 numbers i.
Definition tabled (R : realType) n m (rows : seq (seq R)) (i : 'I_n) (k : 'I_m) : R := nth 0 (nth [::] rows i) k.

Section Several.
Variables (R : realType) (n m : nat) (weight : 'I_n -> R) (law : 'I_n -> 'I_m -> R) (label : 'I_m -> R).
Variables (feature start : R) (rivals : 'I_n -> R) (r v : R).
Hypotheses (weight_ge0 : forall i, 0 <= weight i) (law_ge0 : forall i k, 0 <= law i k).
Hypotheses (law_sum : forall i, \sum_k law i k = 1) (r_gt0 : 0 < r) (v_ball : `|v| <= r).

Definition several_problem : problem R := @Problem R [finType of 'I_n] [finType of 'I_1] [finType of 'I_m] 0 0
  weight (fun i _ => law i) (fun k => squared (label k)) (fun _ _ theta => theta *m feature%:M) (fun _ theta => theta)
  (row1 start) (Functions _ (fun i _ => row1 (rivals i))) r (row1 v) weight_ge0 (fun i _ => law_ge0 i) r_gt0
  (along_single v_ball).
Local Notation S := several_problem.

Fact several_model (i : tasks S) x (theta : 'rV[R]_1) : @model R S i x theta = theta *m feature%:M.
Proof. by []. Qed.

Fact several_made (i : tasks S) : @adapt R S i = adaptation
  (fun theta => \sum_(x : inputs S) \sum_(k : labels S) law i k * loss k (theta *m feature%:M) : R^o) (Steps 0 0 0 1).
Proof. by apply/funext => theta; rewrite /= /step scale0r subr0. Qed.

Fact several_sum (i : tasks S) : \sum_(x : inputs S) \sum_(k : labels S) law i k = 1.
Proof. by rewrite big_ord1 law_sum. Qed.

Definition several : linear_problem R := @Linear R S (fun=> feature%:M) (fun i _ => law i) (Steps 0 0 0 1)
  several_model several_made (fun i _ => law_ge0 i) several_sum I.
Local Notation L := several.

(* In numbers. *)
Definition mean i : R := \sum_k law i k * label k.
Definition wi i : R := start * feature - mean i.
Definition ui i : R := start * feature - rivals i.

Lemma z_several i x : @z R L i x = row1 (start * feature).
Proof. by rewrite /z /adapted /= mul_mx_scalar scale_scalar_mx mulrC. Qed.

Lemma rho_several i x : @rho R L i x = 1.
Proof. exact: law_sum. Qed.

Lemma w_several i x : @w R L i x = row1 (wi i).
Proof.
rewrite /w rho_several invr1 scale1r; apply/rowP => j; rewrite summxE (ord1 j) [RHS]mxE eqxx mulr1n /wi.
rewrite -[start * feature]mul1r -(law_sum i) mulr_suml /mean -sumrB; apply: eq_bigr => k _.
by rewrite z_several gradient_squared !mxE !eqxx !mulr1n mulrBr.
Qed.

Lemma u_several i x : @u R L i x = row1 (ui i).
Proof. by rewrite /u z_several /row1 /ui raddfB. Qed.

Lemma phi_several i x : @phi R L i x = feature%:M.
Proof.
rewrite /phi /plain jacobian_mulmx.
have -> : @adapt R L i = (fun t => t *m 1%:M) by apply/funext => t; rewrite mulmx1.
by rewrite jacobian_mulmx mul1mx.
Qed.

Lemma smooth_several : LinearDefinitions.assume_differentiable_adaptation L.
Proof.
split.
  by move=> i x k _; split; [exact: ex_diff | exact: differentiable_mulmx | exact: differentiable_squared].
move=> i x k _; split; first by near=> p; exact: differentiable_squared.
have -> : gradient (@loss R L k) = (fun p : 'rV[R]_1 => p *m 1%:M - row1 (label k)).
  apply/funext => p; rewrite gradient_squared mulmx1; apply/rowP => j.
  by rewrite (ord1 j) !mxE !eqxx !mulr1n.
apply: (@differentiableB _ _ _ (fun p : 'rV[R]_1 => p *m 1%:M) (cst (row1 (label k)))); last exact: differentiable_cst.
exact: differentiable_mulmx.
Unshelve. all: by end_near. Qed.

Lemma convex_several : LinearDefinitions.assume_outer_convexity L.
Proof.
split=> [|i x k _]; last exact: differentiable_squared.
rewrite /Definitions.assume_outer_convexity -(zeros L); apply: atoms => i x k _.
apply: (@bregman_square R L (squared (label k)) (row1 (label k))) => p.
by rewrite dot1 /squared !mxE eqxx mulr1n expr2.
Qed.

Lemma gap_several : gap L =
  \sum_i weight i * \sum_k law i k * ((start * feature - label k) ^+ 2 / 2%:R - (rivals i - label k) ^+ 2 / 2%:R).
Proof.
rewrite /gap /objective -sumrB; apply: eq_bigr => i _; rewrite -mulrBr /risk /expectation !big_ord1 -sumrB.
congr (_ * _); apply: eq_bigr => k _; rewrite -mulrBr -/(@z R L) z_several /= /squared.
by rewrite !mxE eqxx !mulr1n.
Qed.

Lemma eps_several : eps L = `|\sum_i weight i * (wi i * feature)|.
Proof.
rewrite /eps (gradientE (proj1 smooth_several)) enorm1 mxE /inner; congr (`|_|); apply: eq_bigr => i _.
by rewrite big_ord1 rho_several mul1r dot1 w_several phi_several !mxE !eqxx !mulr1n.
Qed.

Lemma blend_several f x k x' : @blend R L f x k x' = \sum_i weight i * law i k * f i.
Proof. by apply: eq_bigr => i _; rewrite rho_several mulr1. Qed.

Definition mass_of k : R := \sum_i weight i * law i k.
Definition weight_of k : R := (\sum_i weight i * law i k * wi i) / mass_of k.
Definition target_of k : R := (\sum_i weight i * law i k * (wi i * ui i)) / mass_of k.

Lemma mass_several x k x' : @mass R L x k x' = mass_of k.
Proof. by rewrite /mass blend_several; apply: eq_bigr => i _; rewrite mulr1. Qed.

Lemma weight_several x k x' a : @mixed_weight R L x k x' a = weight_of k.
Proof.
rewrite /mixed_weight mass_several blend_several; congr (_ / _); apply: eq_bigr => i _.
by rewrite w_several (ord1 a) mxE eqxx mulr1n.
Qed.

Lemma target_several x k x' a : @mixed_target R L x k x' a = target_of k.
Proof.
rewrite /mixed_target mass_several blend_several; congr (_ / _); apply: eq_bigr => i _.
by rewrite w_several u_several (ord1 a) !mxE eqxx !mulr1n.
Qed.

Lemma total_several f : @total R L f = \sum_k mass_of k * f ord0 k ord0 0.
Proof. by rewrite /total big_ord1; apply: eq_bigr => k _; rewrite !big_ord1 mass_several. Qed.

Lemma mixed_weight_norm_several : mixed_weight_norm L = Num.sqrt (\sum_k mass_of k * weight_of k ^+ 2).
Proof. by rewrite /mixed_weight_norm total_several; congr Num.sqrt; apply: eq_bigr => k _; rewrite weight_several. Qed.

(* The direction v = 0. *)
Lemma mixed_misfit_several :
  mixed_misfit L <= Num.sqrt (\sum_k mass_of k * (if weight_of k == 0 then 0 else target_of k / weight_of k) ^+ 2).
Proof.
apply: inf_lb; first by exists 0 => _ [p _ <-]; exact: sqrtr_ge0.
exists 0; first exact: ball0.
rewrite total_several; congr Num.sqrt; apply: eq_bigr => k _.
by rewrite /mixed_residual weight_several target_several mul0mx mxE subr0.
Qed.
End Several.
