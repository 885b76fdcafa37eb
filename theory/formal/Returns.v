(* The identity, S1 to S4 and the bounds for policies, whatever they are made of; the a priori constant; the cap. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive exp.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus DecisionDefinitions Bellman PolicyGradient.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Returns.
Variables (R : realType) (P : decision_problem R).
Local Notation parameter := 'rV[R]_(size P).+1.
Local Notation functions := (tasks P -> 'I_(states P) -> actions P -> R).
Local Notation points := [finType of tasks P * ('I_(states P) * actions P)].
Implicit Types (i : tasks P) (s : 'I_(states P)) (a : actions P) (f g : functions) (v : parameter).

Lemma sigma_ge0 i s a : 0 <= sigma i s a.
Proof. by have law := lawful_own i; rewrite mulr_ge0 ?visits_ge0 //; case: (law s). Qed.

Lemma sigma_sum i : \sum_s \sum_a sigma i s a = 1.
Proof.
rewrite -[RHS](visits_sum i (lawful_own i)); apply: eq_bigr => s _.
by rewrite -mulr_sumr (proj2 (lawful_own i s)) mulr1.
Qed.

(* <f, g> as one sum over (task, state, action). *)
Lemma innerE f g : inner f g =
  \sum_(k : points) (q k.1 * sigma k.1 k.2.1 k.2.2) * (f k.1 k.2.1 k.2.2 * g k.1 k.2.1 k.2.2).
Proof.
rewrite -(pair_bigA _ (fun i (k : 'I_(states P) * actions P) =>
  q i * sigma i k.1 k.2 * (f i k.1 k.2 * g i k.1 k.2))) /=.
apply: eq_bigr => i _; rewrite -(pair_bigA _ (fun s a => q i * sigma i s a * (f i s a * g i s a))) /=.
rewrite mulr_sumr; apply: eq_bigr => s _; rewrite mulr_sumr.
by apply: eq_bigr => a _; rewrite mulrA.
Qed.

Lemma mass_ge0 (k : points) : 0 <= q k.1 * sigma k.1 k.2.1 k.2.2.
Proof. by rewrite mulr_ge0 ?q_ge0 ?sigma_ge0. Qed.

Lemma cauchy_inner f g : inner f g <= norm f * norm g.
Proof. by rewrite /norm !innerE; apply: cauchy; exact: mass_ge0. Qed.

Lemma norm_ge0 f : 0 <= norm f.
Proof. exact: sqrtr_ge0. Qed.

Lemma pairedE v : inner (@w R P) (fun i s a => dot v (phi i s a)) = dot v (paired P).
Proof.
rewrite /dot; under [RHS]eq_bigr do rewrite mxE innerE mulr_sumr.
rewrite exchange_big innerE; apply: eq_bigr => k _ /=; rewrite mulr_sumr mulr_sumr.
by apply: eq_bigr => j _; ring.
Qed.

Lemma split_pairing v : pairing P = dot v (paired P) + inner (@w R P) (residual v).
Proof.
rewrite -pairedE /pairing !innerE -big_split; apply: eq_bigr => k _.
by rewrite /= /residual -mulrDr -mulrDr addrC subrK.
Qed.

(* S1: the performance difference at sigma, as advantages have mean 0. *)
Theorem s1 : assume_positive_policy P -> gap P = pairing P.
Proof.
move=> [pos _]; apply: eq_bigr => i _; have [->|qi] := eqVneq (q i) 0; first by rewrite !mul0r.
have q0 : 0 < q i by rewrite lt_neqAle eq_sym qi q_ge0.
have law := lawful_own i; have law' := lawful_against i; congr (_ * _).
rewrite (difference i law law') mulr_sumr; apply: eq_bigr => s _.
have [n0|n0] := eqVneq (visits i (own i) 0 s) 0.
  rewrite (dominated law law' _ n0) => [|t a]; last exact: pos.
  by rewrite mul0r mulr0 big1 // => a _; rewrite /sigma n0 !mul0r.
transitivity (visits i (against i) 0 s / (1 - discount i) *
    (\sum_a against i s a * advantage i (own i) s a - \sum_a own i s a * advantage i (own i) s a)).
  by rewrite (centred i law) subr0 mulrA [_^-1 * _]mulrC.
rewrite -sumrB mulr_sumr; apply: eq_bigr => a _; rewrite /sigma /w /u.
have pa := lt0r_neq0 (pos i s a q0); have h0 := lt0r_neq0 (horizon i); move: n0 pa h0.
move: (visits i (own i) 0 s) (visits i (against i) 0 s) (own i s a) (against i s a) (advantage i (own i) s a).
by move=> n n' p p' A n0 p0 h0; field; rewrite n0 p0 h0.
Qed.

Lemma gradientE : assume_positive_policy P -> gradient (@objective R P) (omega P) = paired P.
Proof.
move=> smooth; apply/rowP => j; rewrite !mxE (policy_gradient smooth) !innerE.
apply: eq_bigr => k _; congr (_ * (_ * _)); rewrite /dot (bigD1 j) //= big1 => [|l lj].
  by rewrite mxE !eqxx mul1r addr0.
by rewrite mxE (negbTE lj) andbF mul0r.
Qed.

Lemma directionE : assume_positive_policy P -> direction P = dot (along P) (paired P).
Proof. by move=> smooth; rewrite /direction policy_gradient // pairedE. Qed.

Theorem identity : assume_positive_policy P -> gap P = inner_product P + direction P.
Proof. by move=> smooth; rewrite s1 // (split_pairing (along P)) directionE // addrC. Qed.

Theorem s2 : assume_positive_policy P -> chain_rule_defect P = zero P.
Proof. by move=> smooth; rewrite /chain_rule_defect gradientE // subrr enorm0. Qed.

Theorem s3 : assume_positive_policy P -> direction P <= radius P * eps P.
Proof.
move=> smooth; rewrite directionE // /eps gradientE //; apply: (le_trans (cauchy_rows _ _)).
by rewrite ler_wpmul2r ?enorm_ge0 // along_ball.
Qed.

Theorem s4 : inner_product P <= weight_norm P * residual_norm P.
Proof. exact: cauchy_inner. Qed.

Theorem lifted : assume_positive_policy P -> gap P <= radius P * eps P + weight_norm P * misfit P.
Proof.
move=> smooth; rewrite s1 // /eps gradientE //.
apply: below_inf; [exact: norm_ge0 | by exists 0; rewrite /ball /= enorm0 ltW // radius_gt0 |].
move=> v vR; rewrite (split_pairing v) ler_add // ?cauchy_inner //.
by apply: (le_trans (cauchy_rows _ _)); rewrite ler_wpmul2r ?enorm_ge0.
Qed.

Theorem l1 : assume_positive_policy P -> gap P <= misfit_l1 P.
Proof.
move=> smooth; rewrite s1 // /misfit_l1; apply: lb_le_inf; first by eexists; exists 0.
move=> _ [v _ <-]; rewrite (split_pairing v) ler_add //.
  by rewrite mulrC /eps gradientE // cauchy_rows.
rewrite !innerE; apply: ler_sum => k _; rewrite ler_wpmul2l ?mass_ge0 //.
by rewrite -normrM ler_norm.
Qed.

(* Values lie between the rewards. *)
Lemma reward_range i s a : inf (rewards i) <= reward i s a <= sup (rewards i).
Proof.
have bound t b : `|reward i t b| <= \sum_t \sum_b `|reward i t b|.
  rewrite (bigD1 t) //= (bigD1 b) //= -addrA ler_addl addr_ge0 ?sumr_ge0 // => k _.
  by rewrite sumr_ge0.
apply/andP; split.
  apply: inf_lb; last by exists s, a.
  exists (- \sum_t \sum_b `|reward i t b|) => _ [t [b ->]]; rewrite ler_oppl.
  by apply: le_trans (bound t b); rewrite -normrN ler_norm.
apply: sup_ub; last by exists s, a.
by exists (\sum_t \sum_b `|reward i t b|) => _ [t [b ->]]; apply: le_trans (bound t b); rewrite ler_norm.
Qed.

Lemma between (m M : R) (p x : actions P -> R) : (forall a, 0 <= p a) -> \sum_a p a = 1 -> (forall a, m <= x a <= M) ->
  m <= \sum_a p a * x a <= M.
Proof.
move=> p0 p1 xr; rewrite -[m]mul1r -[M in X in _ && X]mul1r -p1 !mulr_suml.
by apply/andP; split; apply: ler_sum => a _; rewrite ler_wpmul2l //; case/andP: (xr a).
Qed.

Lemma value_range i (pi : 'I_(states P) -> actions P -> R) s : lawful pi ->
  inf (rewards i) <= value i pi s 0 <= sup (rewards i).
Proof.
move=> law; set m := inf _; set M := sup _.
have e : (1%:M - discount i *: moves i pi) *m value i pi = (1 - discount i) *: gains i pi.
  have /(_ (value i pi))[_ /(_ erefl)] := bellman i law.
  by rewrite mulmxBl mul1mx -scalemxAl => {1}->; rewrite addrK.
have flat (c : R) t : ((1%:M - discount i *: moves i pi) *m const_mx c) t (0 : 'I_1) = (1 - discount i) * c :> R.
  rewrite mulmxBl mul1mx -scalemxAl !mxE mulrBl mul1r; congr (_ - _ * _).
  by under eq_bigr do rewrite [const_mx _ _ _]mxE; rewrite -mulr_suml moves_sum // mul1r.
have gain t : m <= gains i pi t 0 <= M.
  by rewrite mxE; apply: between; [case: (law t) | case: (law t) | move=> a; exact: reward_range].
have sub (A B : 'cV[R]_(states P)) t : (A - B) t 0 = A t 0 - B t 0 by rewrite !mxE.
have scl c (A : 'cV[R]_(states P)) t : (c *: A) t 0 = c * A t 0 by rewrite mxE.
have low : 0 <= (value i pi - const_mx m) s 0.
  apply: (@positive _ _ i pi law) => t; rewrite mulmxBr e sub flat scl -mulrBr mulr_ge0 ?(ltW (horizon i)) // subr_ge0.
  by case/andP: (gain t).
have high : 0 <= (const_mx M - value i pi) s 0.
  apply: (@positive _ _ i pi law) => t; rewrite mulmxBr e sub flat scl -mulrBr mulr_ge0 ?(ltW (horizon i)) // subr_ge0.
  by case/andP: (gain t).
by move: low high; rewrite !sub ![const_mx _ _ _]mxE !subr_ge0 => -> ->.
Qed.

Lemma action_value_range i s a : inf (rewards i) <= action_value i (own i) s a <= sup (rewards i).
Proof.
have law := lawful_own i; have [g0 g1] := (discount_ge0 i, ltW (horizon i)).
have range t := value_range i t law; have := reward_range i s a; rewrite /action_value.
set m := inf _; set M := sup _ => /andP[rm rM].
have mix c : (1 - discount i) * c + discount i * (\sum_s' transition i s a s' * c) = c.
  by rewrite -mulr_suml transition_sum mul1r -mulrDl subrK mul1r.
apply/andP; split.
  rewrite -[m](mix m) ler_add ?ler_wpmul2l //; apply: ler_sum => t _.
  by rewrite ler_wpmul2l ?transition_ge0 //; case/andP: (range t).
rewrite -[M](mix M) ler_add ?ler_wpmul2l //; apply: ler_sum => t _.
by rewrite ler_wpmul2l ?transition_ge0 //; case/andP: (range t).
Qed.

(* Popoviciu: the variance of what lies in an interval is at most the square of half its length. *)
Lemma variance i s :
  \sum_a own i s a * advantage i (own i) s a ^+ 2 <= (reward_span i / 2%:R) ^+ 2.
Proof.
have law := lawful_own i; pose c : R := (inf (rewards i) + sup (rewards i)) / 2%:R.
pose d := value i (own i) s 0 - c.
have near_c a : own i s a * advantage i (own i) s a ^+ 2 = own i s a * (action_value i (own i) s a - c) ^+ 2 -
    2%:R * d * (own i s a * advantage i (own i) s a) - own i s a * d ^+ 2.
  rewrite /advantage /d; move: (value i (own i) s 0) (action_value i (own i) s a) (own i s a) (c) => V Q p k.
  by ring.
under eq_bigr do rewrite near_c.
rewrite !sumrB -mulr_sumr (centred i law) mulr0 subr0 -mulr_suml (proj2 (law s)) mul1r ler_subl_addr.
apply: (@le_trans _ _ ((reward_span i / 2%:R) ^+ 2)); last by rewrite ler_addl sqr_ge0.
rewrite -[X in _ <= X]mul1r -[X in _ <= X * _](proj2 (law s)) mulr_suml; apply: ler_sum => a _.
rewrite ler_wpmul2l //; first by case: (law s).
have := action_value_range i s a; rewrite /reward_span /c.
move: (inf _) (sup _) (action_value _ _ _ _) => m M Q /andP[mQ QM].
rewrite -subr_ge0 (_ : _ - _ = (M - Q) * (Q - m)); last by field.
by rewrite mulr_ge0 ?subr_ge0.
Qed.

Theorem constant : assume_positive_policy P -> weight_norm P <= weight_bound P.
Proof.
move=> _; rewrite /weight_norm /norm /weight_bound ler_wsqrtr // /inner; apply: ler_sum => i _.
rewrite ler_wpmul2l ?q_ge0 // -[X in _ <= X]mul1r -[X in _ <= X * _](visits_sum i (lawful_own i)) mulr_suml; apply: ler_sum => s _.
have h0 := lt0r_neq0 (horizon i).
have -> : \sum_a sigma i s a * (w i s a * w i s a) =
    visits i (own i) 0 s * ((\sum_a own i s a * advantage i (own i) s a ^+ 2) / (1 - discount i) ^+ 2).
  rewrite mulr_suml mulr_sumr; apply: eq_bigr => a _; rewrite /sigma /w.
  move: (visits _ _ _ _) (own _ _ _) (advantage _ _ _ _) (1 - discount i) h0 => n p A h h0.
  by field.
rewrite ler_wpmul2l ?(visits_ge0 i (lawful_own i)) // ler_pdivr_mulr ?exprn_gt0 ?horizon //.
apply: le_trans (variance i s) _; rewrite le_eqVlt; apply/orP; left; apply/eqP.
by move: (reward_span i) (1 - discount i) h0 => p h h0; field.
Qed.

Theorem t3b : assume_positive_policy P -> adapted_return P <= optimal_return P.
Proof.
move=> _; apply: ler_sum => i _; rewrite ler_wpmul2l ?q_ge0 //; apply: sup_ub; last by exists (own i) => //; exact: lawful_own.
exists (sup (rewards i)) => _ [pi law <-]; rewrite /return_of -[X in _ <= X]mul1r -[X in _ <= X * _](start_sum i) mulr_suml.
by apply: ler_sum => s _; rewrite ler_wpmul2l ?start_ge0 //; case/andP: (value_range i s law).
Qed.
End Returns.
