(* Calculus and Cauchy-Schwarz: what the proofs need and know of no problem. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From mathcomp Require Import ring.
From Metagap Require Import Definitions.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Sums.
Variable R : realType.

Lemma cauchy (I : finType) (m x y : I -> R) : (forall k, 0 <= m k) ->
  \sum_k m k * (x k * y k) <= Num.sqrt (\sum_k m k * (x k * x k)) * Num.sqrt (\sum_k m k * (y k * y k)).
Proof.
move=> m0; set A := \sum_k m k * (x k * x k); set B := \sum_k m k * (y k * y k).
set C := \sum_k m k * (x k * y k).
have sq0 (f : I -> R) : 0 <= \sum_k m k * (f k * f k).
  by apply: sumr_ge0 => k _; rewrite mulr_ge0 // -expr2 sqr_ge0.
have [A0 B0] := (sq0 x : 0 <= A, sq0 y : 0 <= B).
have key s t : 0 <= s * s * A - 2%:R * (s * t * C) + t * t * B.
  have -> : s * s * A - 2%:R * (s * t * C) + t * t * B =
      \sum_k m k * ((s * x k - t * y k) * (s * x k - t * y k)).
    rewrite /A /B /C !mulr_sumr -sumrB -big_split /=.
    by apply: eq_bigr => k _; ring.
  exact: (sq0 (fun k => s * x k - t * y k)).
have small c : 0 <= - (C * C * (c + 2%:R)) -> 0 <= c -> C <= 0.
  move=> no c0; rewrite leNgt; apply/negP => b; move: no; rewrite oppr_ge0 leNgt mulr_gt0 ?mulr_gt0 //.
  by rewrite -[X in X < _](addr0 0) ler_lt_add // ltr0n.
have sA : Num.sqrt A * Num.sqrt A = A by rewrite -expr2 sqr_sqrtr.
have sB : Num.sqrt B * Num.sqrt B = B by rewrite -expr2 sqr_sqrtr.
have [p r] := (sqrtr_ge0 A, sqrtr_ge0 B).
have k := key (Num.sqrt B) (Num.sqrt A).
have both a b : a * a = A -> b * b = B ->
    b * b * A - 2%:R * (b * a * C) + a * a * B = 2%:R * (a * b * (a * b - C)).
  by move=> <- <-; ring.
rewrite (both _ _ sA sB) in k.
have [xy0|xy0] := eqVneq (Num.sqrt A * Num.sqrt B) 0; last first.
  have xy : 0 < Num.sqrt A * Num.sqrt B by rewrite lt_neqAle eq_sym xy0 mulr_ge0.
  by rewrite -subr_ge0 -(pmulr_rge0 _ xy) -(pmulr_rge0 _ (ltr0n R 2)).
rewrite xy0; move/eqP: xy0; rewrite mulf_eq0 => /orP[] /eqP e.
  have A00 : A = 0 by rewrite -sA e mul0r.
  apply: (small B) => //; apply: le_trans (key (B + 1) C) _.
  by rewrite A00 le_eqVlt; apply/orP; left; apply/eqP; ring.
have B00 : B = 0 by rewrite -sB e mul0r.
apply: (small A) => //; apply: le_trans (key C (A + 1)) _.
by rewrite B00 le_eqVlt; apply/orP; left; apply/eqP; ring.
Qed.

Lemma enorm_ge0 n (v : 'rV[R]_n) : 0 <= enorm v.
Proof. exact: sqrtr_ge0. Qed.

Lemma enorm0 n : enorm (0 : 'rV[R]_n) = 0.
Proof. by rewrite /enorm big1 ?sqrtr0 // => j _; rewrite mxE mul0r. Qed.

Lemma enormN n (v : 'rV[R]_n) : enorm (- v) = enorm v.
Proof. by rewrite /enorm; congr Num.sqrt; apply: eq_bigr => j _; rewrite mxE mulrNN. Qed.

Lemma enorm_sq n (v : 'rV[R]_n) : enorm v ^+ 2 = \sum_j v 0 j * v 0 j.
Proof. by rewrite sqr_sqrtr //; apply: sumr_ge0 => j _; rewrite -expr2 sqr_ge0. Qed.

Lemma enormZ n (c : R) (v : 'rV[R]_n) : enorm (c *: v) = `|c| * enorm v.
Proof.
rewrite /enorm -sqrtr_sqr -sqrtrM ?sqr_ge0 // mulr_sumr; congr Num.sqrt.
by apply: eq_bigr => j _; rewrite mxE expr2 mulrACA.
Qed.

Lemma enorm_eq0 n (v : 'rV[R]_n) : enorm v = 0 -> v = 0.
Proof.
move=> v0; have := enorm_sq v; rewrite v0 expr0n /= => /esym/eqP.
rewrite psumr_eq0 => [/allP z0|j _]; last by rewrite -expr2 sqr_ge0.
apply/rowP => j; have := z0 j; rewrite mem_index_enum => /(_ isT).
by rewrite mulf_eq0 orbb mxE => /eqP.
Qed.

Lemma cauchy_rows n (a b : 'rV[R]_n) : dot a b <= enorm a * enorm b.
Proof.
have := @cauchy [finType of 'I_n] (fun=> 1) (a 0) (b 0) (fun=> ler01).
by rewrite /dot /enorm; under eq_bigr do rewrite mul1r; move=> h; apply: le_trans h _;
  under eq_bigr do rewrite mul1r; under [in X in _ * X]eq_bigr do rewrite mul1r.
Qed.

Lemma dotDl n (a b c : 'rV[R]_n) : dot (a + b) c = dot a c + dot b c.
Proof. by rewrite /dot -big_split; apply: eq_bigr => k _; rewrite mxE mulrDl. Qed.

Lemma dotZl n (s : R) (a b : 'rV[R]_n) : dot (s *: a) b = s * dot a b.
Proof. by rewrite /dot mulr_sumr; apply: eq_bigr => k _; rewrite mxE mulrA. Qed.

Lemma dotC n (a b : 'rV[R]_n) : dot a b = dot b a.
Proof. by apply: eq_bigr => k _; rewrite mulrC. Qed.

Lemma dotDr n (a b c : 'rV[R]_n) : dot a (b + c) = dot a b + dot a c.
Proof. by rewrite dotC dotDl !(dotC _ a). Qed.

Lemma dotZr n (s : R) (a b : 'rV[R]_n) : dot a (s *: b) = s * dot a b.
Proof. by rewrite dotC dotZl dotC. Qed.

Lemma dotNr n (a b : 'rV[R]_n) : dot a (- b) = - dot a b.
Proof. by rewrite -scaleN1r dotZr mulN1r. Qed.

Lemma dot_suml n (I : Type) (r : seq I) (f : I -> 'rV[R]_n) b :
  dot (\sum_(k <- r) f k) b = \sum_(k <- r) dot (f k) b.
Proof.
elim: r => [|k r IH]; last by rewrite !big_cons dotDl IH.
by rewrite !big_nil /dot big1 // => k _; rewrite mxE mul0r.
Qed.

Lemma mulmx_dot p n (v : 'rV[R]_p) (M : 'M[R]_(p, n)) b :
  dot b (v *m M) = \sum_j v 0 j * dot b (row j M).
Proof.
rewrite mulmx_sum_row dotC dot_suml; apply: eq_bigr => j _.
by rewrite dotZl dotC.
Qed.
(* An infimum bounds what every member bounds. *)
Lemma below_inf (T : Type) (A : set T) (f : T -> R) (a b c : R) :
  0 <= a -> A !=set0 -> (forall v, A v -> c <= b + a * f v) -> c <= b + a * inf [set f v | v in A].
Proof.
move=> a0 [v0 Av0] le_all; have [a00|a00] := eqVneq a 0.
  by have := le_all _ Av0; rewrite a00 !mul0r.
have a_gt0 : 0 < a by rewrite lt_neqAle eq_sym a00.
rewrite -ler_subl_addl -ler_pdivr_mull //; apply: lb_le_inf; first by exists (f v0), v0.
by move=> _ [v Av <-]; rewrite ler_pdivr_mull // ler_subl_addl; exact: le_all.
Qed.
End Sums.

Section Derivatives.
Variable R : realType.

Lemma is_derive_sums (V W : normedModType R) (I : Type) (r : seq I) (f : I -> V -> W) (d : I -> W) x v :
  (forall k, is_derive x v (f k) (d k)) ->
  is_derive x v (fun y => \sum_(k <- r) f k y) (\sum_(k <- r) d k).
Proof.
move=> fd; elim: r => [|k r IH].
  have -> : (fun y => \sum_(k <- [::]) f k y) = cst 0 by apply/funext => y; rewrite big_nil.
  by rewrite big_nil; exact: is_derive_cst.
have -> : (fun y => \sum_(k <- k :: r) f k y) = f k \+ (fun y => \sum_(k <- r) f k y).
  by apply/funext => y; rewrite big_cons.
by rewrite big_cons; apply: is_deriveD.
Qed.

Lemma is_derive_scale (V : normedModType R) (c : R) (f : V -> R^o) (d : R) x v :
  (c != 0 -> is_derive x v f (d : R^o)) -> is_derive x v (fun y => c * f y : R^o) (c * d : R^o).
Proof.
have [-> _|c0 fd] := eqVneq c 0.
  have -> : (fun y => 0 * f y : R^o) = cst 0 by apply/funext => y; rewrite mul0r.
  by rewrite mul0r; exact: is_derive_cst.
exact: (@is_deriveZ _ _ _ f c x v d (fd isT)).
Qed.

(* A derivative along v is the pairing of the gradient with v. *)
Lemma derive_gradient n (f : 'rV[R]_n.+1 -> R^o) x v : differentiable f x ->
  'D_v f x = dot (gradient f x) v.
Proof.
move=> df; rewrite (deriveE v df) [v in LHS]row_sum_delta linear_sum.
apply: eq_bigr => j _; rewrite linearZ /= mxE (deriveE (delta_mx 0 j) df).
by rewrite mulrC.
Qed.

Lemma derive_jacobian n m (f : 'rV[R]_n.+1 -> 'rV[R]_m.+1) x v : differentiable f x ->
  'd f x v = v *m jacobian f x.
Proof. by move=> df; rewrite /jacobian mul_rV_lin1. Qed.

Lemma is_derive_affine (V W : normedModType R) (f : V -> W) (x v : V) (d : W) :
  (forall h : R, f (h *: v + x) = f x + h *: d) -> is_derive x v f d.
Proof.
move=> fE; have to_d : (fun h : R => h^-1 *: ((f \o shift x) (h *: v) - f x)) @ (0 : R)^' --> d.
  apply: cvg_near_cst; near=> h; rewrite /= fE addrC addKr scalerA mulVf ?scale1r //.
  by near: h; exact: withinT.
by apply: DeriveDef; [apply/cvg_ex; exists d | exact: cvg_lim].
Unshelve. all: by end_near. Qed.

(* Only values near x count, along x + h v. *)
Lemma line_cvg (V : normedModType R) (x v : V) : (fun h : R => h *: v + x) @ (0 : R)^' --> x.
Proof.
rewrite -[X in _ --> X]add0r -[X in _ --> X + _](scale0r v); apply: cvgD; last exact: cvg_cst.
by apply: cvgZl; exact: cvg_within.
Qed.

Lemma is_derive_near (V W : normedModType R) (f g : V -> W) (x v : V) (d : W) :
  (\forall y \near x, g y = f y) -> is_derive x v g d -> is_derive x v f d.
Proof.
move=> same dg; have to_d : (fun h : R => h^-1 *: ((f \o shift x) (h *: v) - f x)) @ (0 : R)^' --> d.
  have dg' : (fun h : R => h^-1 *: ((g \o shift x) (h *: v) - g x)) @ (0 : R)^' --> d.
    by rewrite -(@derive_val _ _ _ _ _ _ _ dg); exact: (@ex_derive _ _ _ _ _ _ _ dg).
  suff near : \forall h \near (0 : R)^', h^-1 *: ((g \o shift x) (h *: v) - g x) =
      h^-1 *: ((f \o shift x) (h *: v) - f x) by exact: cvg_trans (near_eq_cvg near) dg'.
  have along : \forall h \near (0 : R)^', g (h *: v + x) = f (h *: v + x) by exact: line_cvg same.
  by move: along; apply: filterS => h /= ->; rewrite (nbhs_singleton same).
by apply: DeriveDef; [apply/cvg_ex; exists d | exact: cvg_lim].
Qed.

Lemma is_derive_quadratic (V : normedModType R) (f : V -> R^o) (x v : V) (d c : R) :
  (forall h : R, f (h *: v + x) = f x + h * d + h * h * c) -> is_derive x v f (d : R^o).
Proof.
move=> fE; have to_d : (fun h : R => h^-1 *: ((f \o shift x) (h *: v) - f x) : R^o) @ (0 : R)^' --> (d : R^o).
  suff near : \forall h \near (0 : R)^', d + h * c = h^-1 *: ((f \o shift x) (h *: v) - f x) :> R^o.
    suff tends : (fun h : R => d + h * c : R^o) @ (0 : R)^' --> (d : R^o) by exact: cvg_trans (near_eq_cvg near) tends.
    rewrite -[X in _ --> X]addr0 -[X in _ --> _ + X](mul0r c); apply: cvgD; first exact: cvg_cst.
    by apply: cvgM; [exact: cvg_within | exact: cvg_cst].
  near=> h; have h0 : h != 0 by near: h; exact: withinT.
  rewrite /GRing.scale /= fE; apply: (mulfI h0); rewrite mulVKf // [RHS]addrC -[X in _ = _ + X]addrA addKr.
  by rewrite mulrDr mulrA.
by apply: DeriveDef; [apply/cvg_ex; exists (d : R^o) | exact: cvg_lim].
Unshelve. all: by end_near. Qed.

Lemma differentiable_mulmx n m (A : 'M[R]_(n.+1, m.+1)) (x : 'rV[R]_n.+1) : differentiable (fun v => v *m A) x.
Proof.
have each j : differentiable (fun v : 'rV[R]_n.+1 => v 0 j *: row j A) x.
  by apply: differentiableZl; exact: differentiable_coord.
have := differentiable_sum each.
have -> // : \sum_(j < n.+1) (fun v : 'rV[R]_n.+1 => v 0 j *: row j A) = (fun v => v *m A).
by apply/funext => v; rewrite mulmx_sum_row fct_sumE.
Qed.

Lemma jacobianE n m (f : 'rV[R]_n.+1 -> 'rV[R]_m.+1) x (A : 'M[R]_(n.+1, m.+1)) : differentiable f x ->
  (forall v, is_derive x v f (v *m A)) -> jacobian f x = A.
Proof.
move=> df dA; apply/row_matrixP => j; rewrite !rowE -derive_jacobian // -deriveE //.
exact: (@derive_val _ _ _ _ _ _ _ (dA (delta_mx 0 j))).
Qed.

Lemma jacobian_mulmx n m (A : 'M[R]_(n.+1, m.+1)) x : jacobian (fun v => v *m A) x = A.
Proof.
apply: jacobianE => [|v]; first exact: differentiable_mulmx.
by apply: is_derive_affine => h; rewrite mulmxDl scalemxAl addrC.
Qed.

End Derivatives.
