(* Convex losses have a Bregman divergence that is not negative; where mu-strongly convex, at least (mu/2) ||u||^2. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus Core.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Lines.
Variables (R : realType) (V : normedModType R).

Definition convex (l : V -> R^o) : Prop :=
  forall a b (t : R), 0 <= t <= 1 -> l (t *: a + (1 - t) *: b) <= t * l a + (1 - t) * l b.

Lemma is_derive_line (l : V -> R^o) (z d : V) (t : R) : derivable l (z + t *: d) d ->
  is_derive (t : R^o) (1 : R^o) (fun s : R^o => l (z + s *: d)) ('D_d l (z + t *: d)).
Proof.
move=> dl; have same : (fun h : R^o => h^-1 *: (((fun s : R^o => l (z + s *: d)) \o shift (t : R^o)) (h *: (1 : R^o))
      - l (z + t *: d))) = (fun h : R => h^-1 *: ((l \o shift (z + t *: d)) (h *: d) - l (z + t *: d))).
  apply/funext => h /=; congr (_ *: (l _ - _)).
  by rewrite [h *: 1]mulr1 scalerDl addrCA.
by apply: DeriveDef; rewrite /derivable /derive same.
Qed.

Lemma derive_dir (l : V -> R^o) (z e : V) (c : R) : derivable l z e -> derivable l z (c *: e) ->
  'D_(c *: e) l z = c * 'D_e l z.
Proof.
have z0 (d : V) : z + (0 : R) *: d = z by rewrite scale0r addr0.
rewrite -[in X in X -> _](z0 e) -[in X in _ -> X -> _](z0 (c *: e)) => de dc.
have He := is_derive_line de; have Hc := is_derive_line dc; rewrite !z0 in He Hc.
have lin : is_derive (0 : R^o) (1 : R^o) (fun t : R^o => c * t : R^o) (c * 1 : R^o).
  by apply: is_derive_scale => _; exact: is_derive_id.
have := @derive1_comp R (fun t : R => c * t) (fun t : R => l (z + t *: e)) 0.
rewrite mulr0 !derive1E => /(_ (@ex_derive _ _ _ _ _ _ _ lin) (@ex_derive _ _ _ _ _ _ _ He)).
have -> : (fun t : R => l (z + t *: e)) \o (fun t : R => c * t) = (fun t : R^o => l (z + t *: (c *: e)) : R^o).
  by apply/funext => t /=; rewrite scalerA [c * t]mulrC.
by rewrite (@derive_val _ _ _ _ _ _ _ He) (@derive_val _ _ _ _ _ _ _ Hc) (@derive_val _ _ _ _ _ _ _ lin) mulr1 mulrC.
Qed.

Lemma curvature_dir (l : V -> R^o) (p d e : V) (c : R) : c != 0 -> d = c *: e -> (forall z, differentiable l z) ->
  derivable ('D_d l : V -> R^o) p d -> derivable ('D_e l : V -> R^o) p e ->
  'D_d ('D_d l : V -> R^o) p = c ^+ 2 * 'D_e ('D_e l : V -> R^o) p.
Proof.
move=> c0 -> dl; have same z : 'D_(c *: e) l z = c * 'D_e l z by rewrite !(deriveE _ (dl z)) linearZ.
have back : ('D_e l : V -> R^o) = c^-1 \*: ('D_(c *: e) l : V -> R^o).
  by apply/funext => z; rewrite /= same /GRing.scale /= mulKf.
move=> dc; rewrite back; set F := 'D_(c *: e) l : V -> R^o in dc *; move=> de.
have dF : derivable (c^-1 \*: F) p (c *: e) by exact: (@derivableZ _ _ _ F c^-1 _ _ dc).
have key : c^-1 *: ('D_(c *: e) F p) = c * ('D_e (c^-1 \*: F) p).
  by rewrite -(derive_dir de dF) (deriveZ _ dc).
by rewrite expr2 -mulrA -key /GRing.scale /= mulVKf.
Qed.

Lemma tangent (l : V -> R^o) (z h : V) : convex l -> derivable l z (h - z) -> l z + 'D_(h - z) l z <= l h.
Proof.
move=> cv dv; rewrite -ler_subr_addl; apply/ler_addgt0Pr => e e0.
have cv0 : (fun t : R => t^-1 *: ((l \o shift z) (t *: (h - z)) - l z) : R^o)
    @ (0 : R)^' --> ('D_(h - z) l z : R^o) by exact: dv.
have [d d0 H] : nbhs_ball (0 : R^o) (fun t : R => t != 0 ->
    `|'D_(h - z) l z - t^-1 * (l (t *: (h - z) + z) - l z)| < e).
  apply/nbhs_ballP.
  exact: (@cvgr_dist_lt R [pseudoMetricNormedZmodType R of R^o] R _ _ _ _ cv0 e e0).
pose t := Num.min (d / 2) 1.
have d0' : 0 < d := d0.
have d20 : 0 < d / 2 by apply: divr_gt0 => //; rewrite ltr0n.
have t0 : 0 < t by rewrite /t lt_minr d20 ltr01.
have t1 : t <= 1 by rewrite /t le_minl lexx orbT.
have td : `|0 - t| < d.
  rewrite sub0r normrN gtr0_norm //; apply: (@le_lt_trans _ _ (d / 2)).
    by rewrite /t le_minl lexx.
  by rewrite ltr_pdivr_mulr ?ltr0n // ltr_pmulr // ltr1n.
have := H t td (lt0r_neq0 t0); rewrite ltr_distl => /andP[_ lo].
have q : t^-1 * (l (t *: (h - z) + z) - l z) <= l h - l z.
  rewrite ler_pdivr_mull // ler_subl_addr.
  have -> : t *: (h - z) + z = t *: h + (1 - t) *: z by rewrite scalerBr scalerBl scale1r -!addrA [z + _]addrC.
  apply: (le_trans (cv h z t _)); first by rewrite (ltW t0).
  by rewrite mulrBl mul1r mulrBr -addrA (addrC (- _)).
by apply: ltW; apply: (lt_le_trans lo); rewrite ler_add2r.
Qed.

(* Taylor: a second derivative of at least m along a segment. *)
Lemma taylor (l : V -> R^o) (z d : V) (m : R) :
  (forall t, 0 <= t <= 1 -> derivable l (z + t *: d) d) ->
  (forall t, 0 <= t <= 1 -> derivable ('D_d l : V -> R^o) (z + t *: d) d) ->
  (forall t, 0 <= t <= 1 -> m <= 'D_d ('D_d l : V -> R^o) (z + t *: d)) ->
  m / 2%:R <= l (z + d) - l z - 'D_d l z.
Proof.
move=> d1 d2 m_le.
pose g (t : R^o) : R^o := l (z + t *: d) - 'D_d l z * t - m / 2%:R * (t * t).
pose dg (t : R^o) : R^o := 'D_d l (z + t *: d) - 'D_d l z - m * t.
pose ddg (t : R^o) : R^o := 'D_d ('D_d l : V -> R^o) (z + t *: d) - m.
have isg t : 0 <= t <= 1 -> is_derive (t : R^o) (1 : R^o) g (dg t).
  move=> t01; have f1 := is_derive_line (d1 t t01); have i1 := is_derive_id (t : R^o) (1 : R^o).
  have := is_deriveB (is_deriveB f1 (is_deriveZ ('D_d l z) i1)) (is_deriveZ (m / 2%:R) (is_deriveM i1 i1)).
  move=> h; apply: (is_derive_eq h); rewrite /dg /GRing.scale /= !mulr1.
  by congr (_ - _ - _); field.
have isdg t : 0 <= t <= 1 -> is_derive (t : R^o) (1 : R^o) dg (ddg t).
  move=> t01; have f1 := is_derive_line (d2 t t01); have i1 := is_derive_id (t : R^o) (1 : R^o).
  have := is_deriveB (is_deriveB f1 (is_derive_cst ('D_d l z : R^o) (t : R^o) (1 : R^o))) (is_deriveZ m i1).
  by move=> h; apply: (is_derive_eq h); rewrite /ddg /GRing.scale /= !mulr1 subr0.
have cont (f df : R^o -> R^o) (a b : R) : 0 <= a -> b <= 1 ->
    (forall t, 0 <= t <= 1 -> is_derive (t : R^o) (1 : R^o) f (df t)) -> {within `[a, b], continuous f}.
  move=> a0 b1 isf; apply: continuous_in_subspaceT => t; rewrite inE /= in_itv /= => /andP[at_ tb].
  apply: differentiable_continuous; apply/derivable1_diffP; apply: ex_derive.
  by apply: isf; rewrite (le_trans a0 at_) (le_trans tb b1).
have mvt (f df : R^o -> R^o) (b : R) : 0 <= b <= 1 ->
    (forall t, 0 <= t <= 1 -> is_derive (t : R^o) (1 : R^o) f (df t)) ->
    exists2 c, 0 <= c <= b & f b - f 0 = df c * b.
  move=> /andP[b0 b1] isf; have [t|| c cb E] := @MVT_segment R f df 0 b b0.
  - by rewrite in_itv /= => /andP[t0 tb]; apply: isf; rewrite (ltW t0) (le_trans (ltW tb) b1).
  - exact: (cont f df).
  - by exists c; [move: cb; rewrite in_itv | rewrite E subr0].
have [c /andP[c0 c1] gE] : exists2 c, 0 <= c <= 1 & g 1 - g 0 = dg c * 1.
  by apply: mvt => //; rewrite ler01 lexx.
have [a /andP[a0 ac] dgE] : exists2 a, 0 <= a <= c & dg c - dg 0 = ddg a * c.
  by apply: mvt => //; rewrite c0.
have dg0 : dg 0 = 0 by rewrite /dg scale0r addr0 subrr mulr0 subrr.
have up : 0 <= g 1 - g 0.
  move: dgE; rewrite dg0 subr0 gE mulr1 => ->; rewrite mulr_ge0 // subr_ge0.
  by apply: m_le; rewrite a0 (le_trans ac).
move: up; rewrite /g scale1r scale0r addr0 !mulr0 !mulr1 !subr0 => up.
by rewrite -subr_ge0; apply: le_trans up _; rewrite le_eqVlt; apply/orP; left; apply/eqP; ring.
Qed.
End Lines.

Section Bregman.
Variables (R : realType) (P : problem R).

Lemma atoms (f g : tasks P -> inputs P -> labels P -> R) :
  (forall i x y, used i x y -> f i x y <= g i x y) ->
  \sum_i q i * expectation i (f i) <= \sum_i q i * expectation i (g i).
Proof.
move=> le_fg; apply: ler_sum => i _; rewrite /expectation !mulr_sumr; apply: ler_sum => x _.
rewrite !mulr_sumr; apply: ler_sum => y _; rewrite !mulrA.
have [m0|m0] := eqVneq (q i * law i x y) 0; first by rewrite m0 !mul0r.
have m1 : 0 < q i * law i x y by rewrite lt_neqAle eq_sym m0 mulr_ge0 ?q_ge0 ?law_ge0.
by rewrite ler_wpmul2l ?(ltW m1) // le_fg.
Qed.

Lemma zeros : \sum_i q i * @expectation R P i (fun _ _ => 0) = 0.
Proof. by rewrite big1 // => i _; rewrite /expectation big1 ?mulr0 // => x _; rewrite big1 // => y _; rewrite mulr0. Qed.

(* Convexity of the loss is more than what the theorems ask for. *)
Theorem convex_losses : (forall y, convex (@loss R P y)) -> assume_differentiable_adaptation P -> assume_outer_convexity P.
Proof.
move=> cv smooth; rewrite /assume_outer_convexity -zeros; apply: atoms => i x y uxy.
have [_ _ dl] := smooth i x y uxy.
rewrite -addrA -opprD subr_ge0 -(derive_gradient _ dl).
by apply: tangent; [exact: cv | exact: diff_derivable].
Qed.

Lemma strongly_convex : assume_strong_convexity P ->
  strong_convexity P * function_displacement P ^+ 2 / 2%:R <= bregman P.
Proof.
move=> [mu0 smooth].
have hasinf : has_inf [set c | exists i x y t e,
    @used R P i x y /\ 0 <= t <= 1 /\ enorm e = 1 /\ c = curvature y (between i x t) e].
  by apply: contrapT => no; move: mu0; rewrite /strong_convexity inf_out // ltxx.
have -> : strong_convexity P * function_displacement P ^+ 2 / 2%:R =
    \sum_i q i * @expectation R P i (fun x y => strong_convexity P * enorm (h' i x - z i x) ^+ 2 / 2%:R).
  rewrite /function_displacement /norm sqr_sqrtr; last first.
    by rewrite innerE; apply: sumr_ge0 => k _; rewrite -expr2 mulr_ge0 ?sqr_ge0 // mulr_ge0 ?q_ge0 ?rho_ge0.
  rewrite mulrAC /inner mulr_sumr; apply: eq_bigr => i _; rewrite mulrCA; congr (_ * _).
  rewrite /expectation mulr_sumr; apply: eq_bigr => x _; rewrite -mulr_suml mulrCA; congr (_ * _).
  by rewrite mulrAC -enormN opprB enorm_sq.
apply: atoms => i x y uxy; have [dl ddl] := smooth i x y uxy.
rewrite -(derive_gradient _ (dl _)).
set d := h' i x - z i x.
have -> : h' i x = z i x + d by rewrite /d addrC subrK.
have [d0|d0] := eqVneq (enorm d) 0.
  rewrite d0 expr0n mulr0 mul0r (enorm_eq0 d0) addr0 subrr sub0r (deriveE _ (dl _)) linear0 oppr0 //.
pose e := (enorm d)^-1 *: d.
have dE : d = enorm d *: e by rewrite /e scalerA mulfV // scale1r.
have e1 : enorm e = 1.
  by rewrite /e enormZ ger0_norm ?invr_ge0 ?enorm_ge0 // mulVf.
apply: taylor.
- by move=> t _; exact: diff_derivable.
- by move=> t t01; exact: ddl.
- move=> t t01; rewrite (curvature_dir d0 dE dl (ddl t d t01) (ddl t e t01)) mulrC ler_wpmul2l ?sqr_ge0 //.
  by apply: (inf_lower_bound hasinf); exists i, x, y, t, e; do 3!split => //.
Qed.

Theorem c4 : assume_differentiable_adaptation P -> assume_strong_convexity P ->
  gap P <= radius P * eps P + weight_norm P * misfit P - strong_convexity P * function_displacement P ^+ 2 / 2%:R.
Proof.
by move=> smooth strong; apply: (le_trans (refined smooth)); rewrite ler_add2l ler_opp2 strongly_convex.
Qed.
End Bregman.
