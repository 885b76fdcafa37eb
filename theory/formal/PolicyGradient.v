(* The policy gradient theorem for any policies that are smooth at omega and positive there: the derivative of L along v
   is <w, Phi v>. No derivative of a visitation is taken: returns differ by visits times what vanishes at omega. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive exp.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus DecisionDefinitions Bellman.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Limits.
Variable R : realType.

Lemma cvg_sums (I : Type) (r : seq I) (f : I -> R -> R^o) (l : I -> R^o) :
  (forall k, f k @ (0 : R)^' --> l k) ->
  (fun h => \sum_(k <- r) f k h : R^o) @ (0 : R)^' --> (\sum_(k <- r) l k : R^o).
Proof.
move=> fl; elim: r => [|k r IH].
  by rewrite big_nil; under eq_fun do rewrite big_nil; exact: cvg_cst.
by rewrite big_cons; under eq_fun do rewrite big_cons; exact: cvgD.
Qed.

Lemma cvg_sums0 (I : Type) (r : seq I) (f : I -> R -> R^o) : (forall k, f k @ (0 : R)^' --> (0 : R^o)) ->
  (fun h => \sum_(k <- r) f k h : R^o) @ (0 : R)^' --> (0 : R^o).
Proof. by move=> f0; have := @cvg_sums _ r f (fun=> 0) f0; rewrite big1. Qed.

Lemma cvg_scale (c l : R^o) (f : R -> R^o) : f @ (0 : R)^' --> l -> (fun h => c * f h : R^o) @ (0 : R)^' --> (c * l : R^o).
Proof. by move=> fl; apply: cvgM => //; exact: cvg_cst. Qed.

(* What is bounded times what vanishes. *)
Lemma cvg_bounded (c f : R -> R^o) : (\forall h \near (0 : R)^', 0 <= c h <= 1) -> f @ (0 : R)^' --> (0 : R^o) ->
  (fun h => c h * f h : R^o) @ (0 : R)^' --> (0 : R^o).
Proof.
move=> c01 f0; apply/cvgr0Pnorm_lt => e e0; have fe : \forall h \near (0 : R)^', `|f h| < e by apply: cvgr0_norm_lt f0 _ e0.
move: c01 fe; apply: filterS2 => h /andP[c0 c1]; apply: le_lt_trans.
by rewrite normrM (ger0_norm c0) ler_pimull.
Qed.

Lemma derive_ln n (f : 'rV[R]_n.+1 -> R^o) x v : differentiable f x -> 0 < f x ->
  differentiable (fun y => ln (f y : R) : R^o) x /\ 'D_v (fun y => ln (f y : R) : R^o) x = 'D_v f x / f x.
Proof.
move=> df pos; have isln := is_derive1_ln pos.
have dln : differentiable (@ln R : R^o -> R^o) (f x).
  by apply/derivable1_diffP; exact: (@ex_derive _ _ _ _ _ _ _ isln).
have dc : differentiable ((@ln R : R^o -> R^o) \o f) x by exact: differentiable_comp.
split; first exact: dc.
rewrite (deriveE v dc) diff_comp //= (deriveE v df) diff1E // derive1E.
by rewrite (@derive_val _ _ _ _ _ _ _ isln).
Qed.
End Limits.

Section PolicyGradient.
Variables (R : realType) (P : decision_problem R).
Local Notation parameter := 'rV[R]_(size P).+1.
Implicit Types (i : tasks P) (s : 'I_(states P)) (a : actions P) (v : parameter).

Lemma lawful_own i : lawful (own i).
Proof. exact: (nbhs_singleton (@adapted_near R P) i). Qed.

Lemma lawful_against i : lawful (against i).
Proof. exact: (@rival_lawful R P). Qed.

Hypothesis smooth : assume_positive_policy P.
Variable v : parameter.
Local Notation line h := (h *: v + omega P).

Lemma near_line (A : set parameter) : nbhs (omega P) A -> \forall h \near (0 : R)^', A (line h).
Proof. exact: line_cvg. Qed.

Section Task.
Variable i : tasks P.
Hypothesis q0 : 0 < q i.
Local Notation nu0 := (visits i (own i) 0).
Let pi (h : R) := adapted (line h) i.
Let nu h s : R := visits i (pi h) 0 s.

Lemma lawful_near : \forall h \near (0 : R)^', lawful (pi h).
Proof.
have := near_line (@adapted_near R P); apply: filterS => h law.
exact: law.
Qed.

Lemma visited s : nu0 s != 0 -> 0 < nu0 s.
Proof. by move=> n0; rewrite lt_neqAle eq_sym n0 visits_ge0 //; exact: lawful_own. Qed.

Lemma unvisited s : nu0 s = 0 -> \forall h \near (0 : R)^', nu h s = 0.
Proof.
move=> n0; have := lawful_near; apply: filterS => h law.
by apply: (dominated (lawful_own i) law) n0 => t a; case: smooth => pos _; exact: pos.
Qed.

Lemma bounded s : \forall h \near (0 : R)^', 0 <= nu h s <= 1.
Proof. by have := lawful_near; apply: filterS => h law; rewrite visits_ge0 // visits_le1. Qed.

Lemma policy_cvg s a : nu0 s != 0 -> (fun h => pi h s a - own i s a : R^o) @ (0 : R)^' --> (0 : R^o).
Proof.
move=> /visited n0; rewrite -[X in _ --> X](subrr (own i s a)); apply: cvgB; last exact: cvg_cst.
have [_ /(_ i s a q0 n0) /differentiable_continuous c] := smooth.
exact: (@cvg_comp _ _ _ (fun h : R => line h) (fun th => adapted th i s a : R^o) _ _ _ (@line_cvg _ _ (omega P) v) c).
Qed.

(* Visits are continuous at omega along v. *)
Lemma visits_cvg s : (fun h => nu h s : R^o) @ (0 : R)^' --> (nu0 s : R^o).
Proof.
pose y := col s (resolvent i (own i)).
pose G h t : R := \sum_a (pi h t a - own i t a) * (\sum_s' transition i t a s' * y s' 0).
have near_nu : \forall h \near (0 : R)^', nu0 s + discount i * (\sum_t nu h t * G h t) = nu h s.
  have := lawful_near; apply: filterS => h law.
  have e : nu h s = \sum_t nu h t * ((1%:M - discount i *: moves i (own i)) *m y) t 0.
    rewrite /y colE mulmxA mulmxV ?invertible //; last exact: lawful_own.
    rewrite mul1mx (bigD1 s) //= mxE !eqxx mulr1 big1 ?addr0 // => t ts.
    by rewrite mxE (negbTE ts) mulr0.
  have e0 : nu0 s = \sum_t nu h t * ((1%:M - discount i *: moves i (pi h)) *m y) t 0.
    rewrite visits_dot mulmxA mulVmx ?invertible // mul1mx [LHS]mxE mxE; congr (_ * _).
    by apply: eq_bigr => t _; rewrite !mxE.
  rewrite e e0 mulr_sumr -big_split; apply: eq_bigr => t _ /=.
  rewrite mulrCA -mulrDr; congr (_ * _); rewrite !mulmxBl !mul1mx -!scalemxAl.
  rewrite /G; move: (y) => x; rewrite !mxE.
  have same (p : 'I_(states P) -> actions P -> R) : \sum_a p t a * (\sum_s' transition i t a s' * x s' 0) =
      \sum_j moves i p t j * x j 0.
    under [RHS]eq_bigr do rewrite mxE mulr_suml; rewrite [RHS]exchange_big; apply: eq_bigr => a _ /=.
    by rewrite mulr_sumr; apply: eq_bigr => j _; rewrite mulrA.
  have -> : \sum_a (pi h t a - own i t a) * (\sum_s' transition i t a s' * x s' 0) =
      \sum_j moves i (pi h) t j * x j 0 - \sum_j moves i (own i) t j * x j 0.
    by rewrite -!same -sumrB; apply: eq_bigr => a _; rewrite mulrBl.
  by rewrite mulrBr addrA subrK.
suff lim : (fun h => nu0 s + discount i * (\sum_t nu h t * G h t) : R^o) @ (0 : R)^' --> (nu0 s : R^o).
  exact: cvg_trans (near_eq_cvg near_nu) lim.
rewrite -[X in _ --> X]addr0; apply: cvgD; first exact: cvg_cst.
rewrite -[X in _ --> X](mulr0 (discount i)); apply: cvg_scale.
apply: cvg_sums0 => t; have [n0|n0] := eqVneq (nu0 t) 0.
  by apply: cvg_near_cst; have := unvisited n0; apply: filterS => h ->; rewrite mul0r.
apply: cvg_bounded; first exact: bounded.
apply: cvg_sums0 => a; rewrite -[X in _ --> X](mul0r (\sum_s' transition i t a s' * y s' 0)).
by apply: cvgM; [exact: policy_cvg | exact: cvg_cst].
Qed.

(* Within a task: d J along v. *)
Definition slope s : R := \sum_a 'D_v (fun th => adapted th i s a : R^o) (omega P) * advantage i (own i) s a.

Lemma slope_cvg s : nu0 s != 0 ->
  (fun h => h^-1 * \sum_a pi h s a * advantage i (own i) s a : R^o) @ (0 : R)^' --> (slope s : R^o).
Proof.
move=> /visited n0.
have -> : (fun h => h^-1 * \sum_a pi h s a * advantage i (own i) s a : R^o) =
    (fun h => \sum_a (h^-1 * (pi h s a - own i s a)) * advantage i (own i) s a : R^o).
  apply/funext => h; rewrite -[X in _ * X]subr0 -[X in _ - X](centred i (lawful_own i) s) -sumrB mulr_sumr.
  by apply: eq_bigr => a _; ring.
apply: cvg_sums => a; apply: cvgM; last exact: cvg_cst.
have [_ /(_ i s a q0 n0) d] := smooth.
have c : derivable (fun th => adapted th i s a : R^o) (omega P) v by exact: diff_derivable.
exact: c.
Qed.

Lemma return_derive :
  is_derive (omega P) v (fun th => return_of i (adapted th i) : R^o)
    ((1 - discount i)^-1 * \sum_s nu0 s * slope s : R^o).
Proof.
have lim : (fun h => h^-1 *: ((fun th => return_of i (adapted th i) : R^o) (line h) - return_of i (own i)) : R^o)
    @ (0 : R)^' --> ((1 - discount i)^-1 * \sum_s nu0 s * slope s : R^o).
  have same : \forall h \near (0 : R)^', (1 - discount i)^-1 *
      (\sum_s nu h s * (h^-1 * (\sum_a pi h s a * advantage i (own i) s a))) =
      h^-1 *: (return_of i (pi h) - return_of i (own i)).
    have := lawful_near; apply: filterS => h law.
    rewrite (difference i (lawful_own i) law) /GRing.scale /= [RHS]mulrCA; congr (_ * _).
    by rewrite mulr_sumr; apply: eq_bigr => s _; rewrite mulrCA.
  suff along : (fun h => (1 - discount i)^-1 * (\sum_s nu h s *
      (h^-1 * \sum_a pi h s a * advantage i (own i) s a)) : R^o) @ (0 : R)^' -->
      ((1 - discount i)^-1 * \sum_s nu0 s * slope s : R^o) by exact: cvg_trans (near_eq_cvg same) along.
  apply: cvg_scale; apply: cvg_sums => s.
  have [n0|n0] := eqVneq (nu0 s) 0; last by apply: cvgM; [exact: visits_cvg | exact: slope_cvg].
  rewrite n0 mul0r; apply: cvg_near_cst; have := unvisited n0; apply: filterS => h ->.
  by rewrite mul0r.
by apply: DeriveDef; [apply/cvg_ex; eexists; exact: lim | exact: cvg_lim].
Qed.

(* At a visited state pi (Phi v) is the derivative of pi along v, up to the mean, which w does not see. *)
Lemma slopeE s : nu0 s != 0 -> slope s = \sum_a own i s a * (advantage i (own i) s a * dot v (phi i s a)).
Proof.
move=> /visited n0; have [pos /(_ i s)] := smooth => d.
have scoreE a : own i s a * dot v (score i s a) = 'D_v (fun th => adapted th i s a : R^o) (omega P).
  have p0 := pos i s a q0; have da := d a q0 n0.
  rewrite (derive_gradient v da) dotC -[RHS]mulr1 -(divff (lt0r_neq0 p0)) mulrCA; congr (_ * _).
  rewrite /dot mulr_suml; apply: eq_bigr => k _.
  by rewrite !mxE (proj2 (derive_ln _ da p0)) mulrAC.
have split a : own i s a * (advantage i (own i) s a * dot v (phi i s a)) =
    advantage i (own i) s a * 'D_v (fun th => adapted th i s a : R^o) (omega P) -
    dot v (\sum_b own i s b *: score i s b) * (own i s a * advantage i (own i) s a).
  by rewrite /phi dotDr dotNr -scoreE; ring.
under [RHS]eq_bigr do rewrite split.
rewrite sumrB -mulr_sumr (centred i (lawful_own i)) mulr0 subr0.
by apply: eq_bigr => a _; rewrite mulrC.
Qed.
End Task.

Theorem policy_gradient : 'D_v (@objective R P) (omega P) = inner (@w R P) (fun i s a => dot v (phi i s a)).
Proof.
have each i : q i != 0 -> is_derive (omega P) v (fun th => return_of i (adapted th i) : R^o)
    (\sum_s \sum_a sigma i s a * (w i s a * dot v (phi i s a)) : R^o).
  move=> qi; have q0 : 0 < q i by rewrite lt_neqAle eq_sym qi q_ge0.
  apply: (is_derive_eq (return_derive q0)); rewrite mulr_sumr; apply: eq_bigr => s _.
  have [n0|n0] := eqVneq (visits i (own i) 0 s) 0.
    by rewrite n0 mul0r mulr0 big1 // => a _; rewrite /sigma n0 !mul0r.
  rewrite (slopeE q0 n0) !mulr_sumr; apply: eq_bigr => a _; rewrite /sigma /w.
  by move: (visits i (own i) 0 s) => n; ring.
apply: (@derive_val _ _ _ _ _ _ _ _); apply: is_derive_sums => i; exact: is_derive_scale.
Qed.
End PolicyGradient.
