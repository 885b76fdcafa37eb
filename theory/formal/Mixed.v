(* The mixed form: one feature for all tasks, on triples (x, y, x'), for one gradient step of a linear model. *)
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

Section Mixed.
Variables (R : realType) (P : linear_problem R).
Local Notation parameter := 'rV[R]_(size P).+1.
Local Notation prediction := 'rV[R]_(outputs P).+1.
Local Notation points := [finType of inputs P * (labels P * (inputs P * 'I_(outputs P).+1))].
Implicit Types (i : tasks P) (x : inputs P) (y : labels P) (v : parameter) (a : 'I_(outputs P).+1).

(* Sums over triples. *)
Lemma totalE (f : inputs P -> labels P -> inputs P -> 'I_(outputs P).+1 -> R) : total f =
  \sum_(k : points) mass k.1 k.2.1 k.2.2.1 * f k.1 k.2.1 k.2.2.1 k.2.2.2.
Proof.
rewrite -(pair_bigA _ (fun x (k : labels P * (inputs P * 'I_(outputs P).+1)) =>
  mass x k.1 k.2.1 * f x k.1 k.2.1 k.2.2)) /=; apply: eq_bigr => x _.
rewrite -(pair_bigA _ (fun y (k : inputs P * 'I_(outputs P).+1) => mass x y k.1 * f x y k.1 k.2)) /=.
by apply: eq_bigr => y _; rewrite -(pair_bigA _ (fun x' a => mass x y x' * f x y x' a)).
Qed.

Lemma weight_ge0 i x y x' : 0 <= q i * inner_law i x y * rho i x'.
Proof. by rewrite !mulr_ge0 ?q_ge0 ?inner_law_ge0 ?rho_ge0. Qed.

Lemma mass_ge0 x y x' : 0 <= mass x y x'.
Proof. by apply: sumr_ge0 => i _; rewrite mulr1 weight_ge0. Qed.

(* A numerator is its quotient times the mass, as it is 0 where the mass is. *)
Lemma massE (f : tasks P -> R) x y x' : mass x y x' * (blend f x y x' / mass x y x') = blend f x y x'.
Proof.
have [m0|m0] := eqVneq (mass x y x') 0; last by rewrite mulrC divfK.
rewrite m0 mul0r; move/eqP: m0; rewrite psumr_eq0 => [/allP all0|i _]; last by rewrite mulr1 weight_ge0.
rewrite /blend big1 // => i _; have := all0 i; rewrite mem_index_enum mulr1 => /(_ isT) /eqP ->.
by rewrite mul0r.
Qed.

(* What a task has on the query, blended over its support, is what it has. *)
Lemma total_blend (f : tasks P -> inputs P -> labels P -> inputs P -> 'I_(outputs P).+1 -> R) :
  total (fun x y x' a => blend (fun i => f i x y x' a) x y x' / mass x y x') =
  \sum_i q i * \sum_x' rho i x' * \sum_a \sum_x \sum_y inner_law i x y * f i x y x' a.
Proof.
rewrite /total; under eq_bigr do under eq_bigr do under eq_bigr do under eq_bigr do rewrite massE /blend.
transitivity (\sum_x \sum_y \sum_x' \sum_i \sum_a q i * inner_law i x y * rho i x' * f i x y x' a).
  by apply: eq_bigr => x _; apply: eq_bigr => y _; apply: eq_bigr => x' _; exact: exchange_big.
transitivity (\sum_i \sum_x \sum_y \sum_x' \sum_a q i * inner_law i x y * rho i x' * f i x y x' a).
  rewrite [RHS]exchange_big; apply: eq_bigr => x _; rewrite [RHS]exchange_big; apply: eq_bigr => y _.
  by rewrite [RHS]exchange_big.
apply: eq_bigr => i _; rewrite mulr_sumr.
transitivity (\sum_x' \sum_x \sum_y \sum_a q i * inner_law i x y * rho i x' * f i x y x' a).
  rewrite [RHS]exchange_big; apply: eq_bigr => x _; rewrite [RHS]exchange_big; apply: eq_bigr => y _ //.
apply: eq_bigr => x' _; rewrite mulrA mulr_sumr.
transitivity (\sum_a \sum_x \sum_y q i * inner_law i x y * rho i x' * f i x y x' a).
  rewrite [RHS]exchange_big; apply: eq_bigr => x _; rewrite [RHS]exchange_big; apply: eq_bigr => y _ //.
apply: eq_bigr => a _; rewrite mulr_sumr; apply: eq_bigr => x _; rewrite mulr_sumr.
by apply: eq_bigr => y _; ring.
Qed.

Lemma total_target : total (@mixed_target R P) = pairing P.
Proof.
rewrite total_blend; apply: eq_bigr => i _; congr (_ * _); apply: eq_bigr => x' _; congr (_ * _).
apply: eq_bigr => a _; under eq_bigr do rewrite -mulr_suml.
by rewrite -mulr_suml inner_law_sum mul1r.
Qed.

(* The adaptation's Jacobian is the mean of what one atom of the support gives. *)
Section Step.
Variables (eta decay : R) (rates : parameter).
Hypothesis one : how P = Steps eta rates decay 1.
Hypothesis smooth : assume_differentiable_adaptation P.

Lemma derive_slope x y v (M : 'M[R]_((outputs P).+1, (size P).+1)) :
  differentiable (gradient (@loss R P y) : prediction -> prediction) (omega P *m feature x) ->
  is_derive (omega P) v (fun t : parameter => gradient (@loss R P y) (t *m feature x) *m M)
    (v *m feature x *m hessian x y *m M).
Proof.
move=> dg; set g := gradient _ in dg *.
have dl : differentiable (fun t : parameter => t *m feature x) (omega P) by exact: differentiable_mulmx.
have dr : differentiable (fun p : prediction => p *m M) (g (omega P *m feature x)) by exact: differentiable_mulmx.
have dgl : differentiable (g \o (fun t : parameter => t *m feature x)) (omega P) by exact: differentiable_comp.
have d : differentiable ((fun p : prediction => p *m M) \o (g \o (fun t : parameter => t *m feature x)))
    (omega P) by exact: differentiable_comp.
apply: DeriveDef; first exact: (@diff_derivable _ _ _ _ _ v d).
by rewrite (deriveE v d) diff_comp //= diff_comp //= !derive_jacobian // !jacobian_mulmx.
Qed.

Section Task.
Variable i : tasks P.
Hypothesis q0 : 0 < q i.
Let F (t : parameter) : R^o := \sum_x \sum_y inner_law i x y * loss y (t *m feature x).

Lemma atom x y : inner_law i x y != 0 -> 0 < q i * inner_law i x y.
Proof. by move=> l0; rewrite mulr_gt0 // lt_neqAle eq_sym l0 inner_law_ge0. Qed.

(* The gradient of the inner risk, near omega. *)
Lemma near_gradient : \forall t \near omega P,
  gradient F t = \sum_x \sum_y inner_law i x y *: (gradient (@loss R P y) (t *m feature x) *m (feature x)^T).
Proof.
pose A (k : inputs P * labels P) : set parameter := [set t | inner_law i k.1 k.2 != 0 ->
  differentiable (@loss R P k.2) (t *m feature k.1)].
have each k : nbhs (omega P) (A k).
  case: k => x y; have [l0|l0] := eqVneq (inner_law i x y) 0.
    by rewrite (_ : A _ = setT) ?predeqE => [|t]; [exact: filterT | rewrite /A /= l0 eqxx].
  have [near_p _] := proj2 smooth i x y (atom l0).
  have c : (fun t : parameter => t *m feature x) @ omega P --> omega P *m feature x.
    exact: (differentiable_continuous (differentiable_mulmx (feature x) (omega P))).
  have near_t : \forall t \near omega P, differentiable (@loss R P y) (t *m feature x) by exact: c near_p.
  suff : \forall t \near omega P, A (x, y) t by [].
  by move: near_t; apply: filterS => t dt _.
have smooth_near : \forall t \near omega P, forall k : inputs P * labels P, A k t.
  exact: (@filter_forall _ [finType of inputs P * labels P] A (nbhs (omega P)) _ each).
move: smooth_near; apply: filterS => t dl; apply/rowP => j; rewrite mxE.
apply: (@derive_val _ _ _ _ _ _ _ _); rewrite summxE; apply: is_derive_sums => x; rewrite summxE; apply: is_derive_sums => y.
rewrite mxE; apply: is_derive_scale => l0; have d := dl (x, y) l0.
have dc : differentiable (@loss R P y \o (fun t : parameter => t *m feature x)) t.
  by apply: differentiable_comp => //; exact: differentiable_mulmx.
apply: DeriveDef; first exact: (@diff_derivable _ _ _ _ _ _ dc).
rewrite (deriveE _ dc) diff_comp //=; last exact: differentiable_mulmx.
rewrite -(deriveE _ d) (derive_gradient _ d) derive_jacobian ?jacobian_mulmx; last exact: differentiable_mulmx.
by rewrite dotC dot_mx /dot (bigD1 j) //= big1 => [|l lj]; rewrite !mxE ?eqxx ?mul1r ?addr0 // (negbTE lj) andbF mul0r.
Qed.

Lemma derive_adapt v : is_derive (omega P) v (@adapt R P i)
  (\sum_x \sum_y inner_law i x y *:
    (v - eta *: ((v *m (feature x *m hessian x y *m (feature x)^T + decay%:M)) *m diag_mx rates))).
Proof.
pose D := diag_mx rates.
pose G (t : parameter) : parameter :=
  \sum_x \sum_y inner_law i x y *: (gradient (@loss R P y) (t *m feature x) *m ((feature x)^T *m D)).
pose dG : parameter := \sum_x \sum_y inner_law i x y *: (v *m feature x *m hessian x y *m ((feature x)^T *m D)).
have isG : is_derive (omega P) v G dG.
  apply: is_derive_sums => x; apply: is_derive_sums => y; have [->|l0] := eqVneq (inner_law i x y) 0.
    rewrite scale0r (_ : (fun _ => _) = cst 0); first exact: is_derive_cst.
    by apply/funext => t; rewrite scale0r.
  have dg := proj2 (proj2 smooth i x y (atom l0)).
  exact: (@is_deriveZ _ _ _ (fun t : parameter => gradient (@loss R P y) (t *m feature x) *m ((feature x)^T *m D))
    (inner_law i x y) _ _ _ (derive_slope v ((feature x)^T *m D) dg)).
have isD : is_derive (omega P) v (fun t : parameter => t - eta *: (decay *: (t *m D))) (v - eta *: (decay *: (v *m D))).
  apply: is_derive_affine => h; rewrite mulmxDl -scalemxAl 2!scalerDr opprD addrACA addrC; congr (_ + _).
  by rewrite scalerBr !scalerA; congr (_ - _ *: _); ring.
have near_adapt : \forall t \near omega P, t - eta *: (decay *: (t *m D)) - eta *: G t = adapt i t.
  move: near_gradient; apply: filterS => t gE; rewrite adaptation_made /adaptation one /= /step -/F gE.
  have -> : G t = (\sum_x \sum_y inner_law i x y *: (gradient (@loss R P y) (t *m feature x) *m (feature x)^T)) *m D.
    rewrite /G mulmx_suml; apply: eq_bigr => x _; rewrite mulmx_suml; apply: eq_bigr => y _.
    by rewrite -scalemxAl mulmxA.
  by rewrite mulmxDl scalerDr opprD -scalemxAl addrA addrAC.
apply: (is_derive_near near_adapt); apply: (is_derive_eq (is_deriveB isD (is_deriveZ eta isG))).
transitivity (\sum_x \sum_y (inner_law i x y *: (v - eta *: (decay *: (v *m D))) -
    eta *: (inner_law i x y *: (v *m feature x *m hessian x y *m ((feature x)^T *m D))))).
  under [RHS]eq_bigr do rewrite sumrB; rewrite sumrB; congr (_ - _).
    by under eq_bigr do rewrite -scaler_suml; rewrite -scaler_suml inner_law_sum scale1r.
  by rewrite /dG scaler_sumr; apply: eq_bigr => x _; rewrite scaler_sumr.
apply: eq_bigr => x _; apply: eq_bigr => y _.
rewrite [eta *: (inner_law _ _ _ *: _)]scalerA [eta * inner_law _ _ _]mulrC -scalerA -scalerBr; congr (_ *: _).
by rewrite mulmxDr mul_mx_scalar mulmxDl -scalemxAl scalerDr opprD addrA addrAC !mulmxA.
Qed.

Lemma phi_blend x' v : 0 < rho i x' ->
  v *m phi i x' = \sum_x \sum_y inner_law i x y *: (v *m mixed_feature x y x').
Proof.
move=> rho0; have [y' l0] : exists y', law i x' y' != 0.
  apply: contrapT => no; move: rho0; rewrite /rho big1 ?ltxx // => y _.
  by apply/eqP/negPn/negP => l0; apply: no; exists y.
have [dU _ _] : [/\ differentiable (@adapt R P i) (omega P),
    differentiable (@model R P i x') (adapt i (omega P)) & differentiable (@loss R P y') (z i x')].
  by apply: (proj1 smooth); rewrite /used mulr_gt0 // lt_neqAle eq_sym l0 law_ge0.
rewrite /phi /plain (proj2 (model_jacobian i x' _)) mulmxA -derive_jacobian // -(deriveE v dU).
rewrite (@derive_val _ _ _ _ _ _ _ (derive_adapt v)) mulmx_suml; apply: eq_bigr => x _.
rewrite mulmx_suml; apply: eq_bigr => y _; rewrite -scalemxAl; congr (_ *: _).
by rewrite /mixed_feature one mulmxBl mulmxBr -scalemxAl -scalemxAr !mulmxA.
Qed.
End Task.

Definition psi v x y x' a : R := (v *m mixed_feature x y x') 0 a.

Lemma total_feature v : total (fun x y x' a => mixed_weight x y x' a * psi v x y x' a) = dot v (paired (@phi R P)).
Proof.
have -> : (fun x y x' a => mixed_weight x y x' a * psi v x y x' a) =
    (fun x y x' a => blend (fun i => w i x' 0 a * psi v x y x' a) x y x' / mass x y x').
  do 4!apply/funext => ?; rewrite /mixed_weight mulrAC; congr (_ / _).
  by rewrite /blend mulr_suml; apply: eq_bigr => i _; rewrite mulrA.
rewrite (total_blend (fun i x y x' a => w i x' 0 a * psi v x y x' a)) -pairedE /inner.
apply: eq_bigr => i _; have [->|qi] := eqVneq (q i) 0; first by rewrite !mul0r.
have q0 : 0 < q i by rewrite lt_neqAle eq_sym qi q_ge0.
congr (_ * _); apply: eq_bigr => x' _; have [->|ri] := eqVneq (rho i x') 0; first by rewrite !mul0r.
have r0 : 0 < rho i x' by rewrite lt_neqAle eq_sym ri rho_ge0.
congr (_ * _); rewrite (phi_blend q0 v r0) /dot; apply: eq_bigr => a _.
rewrite summxE mulr_sumr; apply: eq_bigr => x _; rewrite summxE mulr_sumr; apply: eq_bigr => y _.
by rewrite !mxE /psi mulrCA mxE.
Qed.

Lemma totalB f g : @total R P (fun x y x' a => f x y x' a - g x y x' a) = total f - total g.
Proof. by rewrite !totalE -sumrB; apply: eq_bigr => k _; rewrite mulrBr. Qed.

Lemma split_mixed v : pairing P = dot v (paired (@phi R P)) +
  total (fun x y x' a => mixed_target x y x' a - mixed_weight x y x' a * psi v x y x' a).
Proof. by rewrite totalB total_target total_feature addrC subrK. Qed.
End Step.

Lemma one_step : assume_one_gradient_step P -> exists eta decay rates, how P = Steps eta rates decay 1.
Proof.
rewrite /assume_one_gradient_step; case: (how P) => // eta rates decay [//|[|//]] _.
by exists eta, decay, rates.
Qed.

Theorem mixed : assume_outer_convexity P -> assume_differentiable_adaptation P -> assume_one_gradient_step P ->
  assume_numerator_vanishes P -> gap P <= radius P * eps P + mixed_weight_norm P * mixed_misfit P.
Proof.
move=> [convex _] smooth /one_step[eta [decay [rates one]]] vanishes.
apply: (le_trans (gap_le convex)); apply: below_inf; [exact: sqrtr_ge0 | by exists 0; exact: ball0 | move=> v vR].
rewrite (split_mixed one smooth v) /eps (gradientE (proj1 smooth)) ler_add ?along_features //.
have -> : (fun x y x' a => mixed_target x y x' a - mixed_weight x y x' a * psi v x y x' a) =
    (fun x y x' a => mixed_weight x y x' a * mixed_residual v x y x' a).
  apply/funext => x; apply/funext => y; apply/funext => x'; apply/funext => a; rewrite /mixed_residual.
  have [w0|w0] := eqVneq (mixed_weight x y x' a) 0; first by rewrite (vanishes _ _ _ _ w0) w0 !mul0r subrr.
  by rewrite mulrBr mulrCA divff // mulr1.
rewrite /mixed_weight_norm !totalE; apply: (le_trans (cauchy _ _ _)) => [k|]; first exact: mass_ge0.
by rewrite le_eqVlt; apply/orP; left.
Qed.

Theorem mixed_l1 : assume_outer_convexity P -> assume_differentiable_adaptation P -> assume_one_gradient_step P ->
  gap P <= mixed_misfit_l1 P.
Proof.
move=> [convex _] smooth /one_step[eta [decay [rates one]]].
apply: (le_trans (gap_le convex)); apply: lb_le_inf; first by eexists; exists 0.
move=> _ [v _ <-]; rewrite (split_mixed one smooth v) ler_add //.
  by rewrite mulrC /eps (gradientE (proj1 smooth)) cauchy_rows.
apply: ler_sum => x _; apply: ler_sum => y _; apply: ler_sum => x' _; rewrite -mulr_sumr.
by rewrite ler_wpmul2l ?mass_ge0 // ler_norm.
Qed.
End Mixed.
