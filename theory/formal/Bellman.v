(* Values and visits exist and are the only ones; the performance difference; what a policy visits, every other one does
   only if the first is positive there. Of finite decision processes with discount < 1. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive exp.
From mathcomp Require Import ring.
From Metagap Require Import Definitions Calculus DecisionDefinitions.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

Section Bellman.
Variables (R : realType) (P : decision_problem R) (i : tasks P).
Local Notation state := 'I_(states P).
Local Notation policy := (state -> actions P -> R).
Local Notation g := (discount i).
Implicit Types (s : state) (a : actions P) (pi : policy).

Lemma horizon : 0 < 1 - g.
Proof. by rewrite subr_gt0 discount_lt1. Qed.

Section Policy.
Variable pi : policy.
Hypothesis law : lawful pi.

Lemma moves_ge0 s s' : 0 <= moves i pi s s'.
Proof. by rewrite mxE sumr_ge0 // => a _; rewrite mulr_ge0 ?transition_ge0 //; case: (law s). Qed.

Lemma moves_sum s : \sum_s' moves i pi s s' = 1.
Proof.
under eq_bigr do rewrite mxE; rewrite exchange_big /= -(proj2 (law s)).
by apply: eq_bigr => a _; rewrite -mulr_sumr transition_sum mulr1.
Qed.

(* What exceeds g P x everywhere is not negative: look at its least entry. *)
Lemma positive (x : 'cV[R]_(states P)) : (forall s, 0 <= ((1%:M - g *: moves i pi) *m x) s 0) -> forall s, 0 <= x s 0.
Proof.
move=> up s; have [m _ least] := @arg_minP _ _ _ s xpredT (fun s => x s 0) isT.
apply: le_trans (least s isT); rewrite -(pmulr_rge0 _ horizon).
apply: le_trans (up m) _; rewrite mulmxBl mul1mx -scalemxAl !mxE mulrBl mul1r ler_add2l ler_opp2.
rewrite ler_wpmul2l ?discount_ge0 // -[X in X <= _]mul1r -(moves_sum m) mulr_suml.
by apply: ler_sum => s' _; rewrite ler_wpmul2l ?moves_ge0 // least.
Qed.

Lemma invertible : 1%:M - g *: moves i pi \in unitmx.
Proof.
rewrite -unitmx_tr -row_free_unit; apply: inj_row_free => v v0.
have k0 : (1%:M - g *: moves i pi) *m v^T = 0 by rewrite -[LHS]trmxK trmx_mul trmxK v0 trmx0.
have up (x : 'cV[R]_(states P)) : (1%:M - g *: moves i pi) *m x = 0 -> forall s, 0 <= x s 0.
  by move=> x0; apply: positive => s; rewrite x0 mxE.
apply/rowP => s; apply/eqP; rewrite mxE eq_le; apply/andP; split; last by have := up _ k0 s; rewrite mxE.
have := up (- v^T) _ s; rewrite mulmxN k0 oppr0 => /(_ erefl).
by rewrite !mxE oppr_ge0.
Qed.

Lemma bellman (x : 'cV[R]_(states P)) :
  x = (1 - g) *: gains i pi + g *: (moves i pi *m x) <-> x = value i pi.
Proof.
have same : x = (1 - g) *: gains i pi + g *: (moves i pi *m x) <->
    (1%:M - g *: moves i pi) *m x = (1 - g) *: gains i pi.
  rewrite mulmxBl mul1mx -scalemxAl; split=> [{1}->|<-]; last by rewrite subrK.
  by rewrite addrK.
rewrite same /value; split=> [e|->]; first by rewrite scalemxAr -e mulKmx // invertible.
by rewrite -scalemxAr mulKVmx // invertible.
Qed.

Lemma flow (x : 'rV[R]_(states P)) :
  x = (1 - g) *: (\row_s start i s) + g *: (x *m moves i pi) <-> x = visits i pi.
Proof.
have same : x = (1 - g) *: (\row_s start i s) + g *: (x *m moves i pi) <->
    x *m (1%:M - g *: moves i pi) = (1 - g) *: (\row_s start i s).
  rewrite mulmxBr mulmx1 -scalemxAr; split=> [{1}->|<-]; last by rewrite subrK.
  by rewrite addrK.
rewrite same /visits; split=> [e|->]; first by rewrite scalemxAl -e mulmxK // invertible.
by rewrite -scalemxAl mulmxKV // invertible.
Qed.

Lemma visitsE s : visits i pi 0 s = (1 - g) * start i s + g * \sum_s' visits i pi 0 s' * moves i pi s' s.
Proof. by have [_ /(_ erefl)] := flow (visits i pi) => {1}->; rewrite !mxE. Qed.

Lemma valueE s : value i pi s 0 = \sum_a pi s a * action_value i pi s a.
Proof.
have [_ /(_ erefl)] := bellman (value i pi) => {1}->; rewrite !mxE !mulr_sumr.
under [X in _ + X]eq_bigr do rewrite mxE mulr_suml mulr_sumr.
rewrite [X in _ + X]exchange_big -big_split; apply: eq_bigr => a _ /=.
rewrite mulrDr mulrCA; congr (_ + _); rewrite mulr_sumr mulr_sumr.
by apply: eq_bigr => s' _; ring.
Qed.

Lemma resolvent_ge0 s s' : 0 <= resolvent i pi s s'.
Proof.
have := @positive (col s' (resolvent i pi)) _ s; rewrite mxE; apply=> t.
by rewrite colE mulmxA mulmxV ?invertible // mul1mx mxE; case: (_ && _); rewrite ?ler01.
Qed.

Lemma visits_ge0 s : 0 <= visits i pi 0 s.
Proof.
rewrite !mxE mulr_ge0 ?(ltW horizon) // sumr_ge0 // => s' _.
by rewrite mxE mulr_ge0 ?start_ge0 ?resolvent_ge0.
Qed.

Lemma visits_sum : \sum_s visits i pi 0 s = 1.
Proof.
set m := \sum_s _; have e : m = (1 - g) + g * m.
  rewrite {1}/m; under eq_bigr do rewrite visitsE.
  rewrite big_split -!mulr_sumr /= start_sum mulr1 exchange_big /=; congr (_ + _ * _).
  by apply: eq_bigr => s _; rewrite -mulr_sumr moves_sum mulr1.
apply/eqP; rewrite -subr_eq0 -(mulrI_eq0 _ (lregP (lt0r_neq0 horizon))); apply/eqP.
by rewrite mulrBr mulrBl mul1r mulr1 [X in X - _ - _]e; ring.
Qed.

Lemma visits_le1 s : visits i pi 0 s <= 1.
Proof. by rewrite -visits_sum (bigD1 s) //= ler_addl sumr_ge0 // => s' _; exact: visits_ge0. Qed.

(* In a state the mean of the advantages is 0. *)
Lemma centred s : \sum_a pi s a * advantage i pi s a = 0.
Proof.
under eq_bigr do rewrite /advantage mulrBr.
by rewrite sumrB -valueE -mulr_suml (proj2 (law s)) mul1r subrr.
Qed.
End Policy.

(* sum_s nu(s) x(s) = (1-g) zeta'(I - g P)^-1 x. *)
Lemma visits_dot pi (x : 'cV[R]_(states P)) :
  \sum_s visits i pi 0 s * x s 0 = (1 - g) * \sum_s start i s * (resolvent i pi *m x) s 0.
Proof.
transitivity ((visits i pi *m x) 0 0); first by rewrite mxE.
rewrite /visits -scalemxAl -mulmxA mxE mxE; congr (_ * _).
by apply: eq_bigr => s _; rewrite mxE.
Qed.

(* The performance difference. *)
Lemma difference pi pi' : lawful pi -> lawful pi' -> return_of i pi' - return_of i pi =
  (1 - g)^-1 * \sum_s visits i pi' 0 s * \sum_a pi' s a * advantage i pi s a.
Proof.
move=> law law'; pose b : 'cV[R]_(states P) := \col_s \sum_a pi' s a * advantage i pi s a.
have e : resolvent i pi' *m b = value i pi' - value i pi.
  have -> : b = (1 - g) *: gains i pi' - (1%:M - g *: moves i pi') *m value i pi.
    apply/colP => s; rewrite mulmxBl mul1mx -scalemxAl /b /advantage /action_value; move: (value i pi) => V.
    rewrite !mxE; under eq_bigr do rewrite mulrBr mulrDr; rewrite sumrB big_split /= -mulr_suml (proj2 (law' s)) mul1r.
    rewrite opprB addrA mulr_sumr; congr (_ + _ - _); first by apply: eq_bigr => a _; ring.
    rewrite mulr_sumr; under [in RHS]eq_bigr do rewrite mxE mulr_suml mulr_sumr.
    rewrite [RHS]exchange_big; apply: eq_bigr => a _ /=; rewrite mulrCA !mulr_sumr.
    by apply: eq_bigr => s' _; ring.
  by rewrite mulmxBr mulKmx ?invertible // -scalemxAr.
have -> : \sum_s visits i pi' 0 s * (\sum_a pi' s a * advantage i pi s a) = \sum_s visits i pi' 0 s * b s 0.
  by apply: eq_bigr => s _; rewrite [b s 0]mxE.
rewrite visits_dot mulKf ?(lt0r_neq0 horizon) // e -sumrB.
apply: eq_bigr => s _; move: (value i pi) (value i pi') => V V'.
by rewrite !mxE mulrBr.
Qed.

(* A positive policy visits whatever another one does. *)
Lemma dominated pi pi' : lawful pi -> lawful pi' -> (forall s a, 0 < pi s a) ->
  forall s, visits i pi 0 s = 0 -> visits i pi' 0 s = 0.
Proof.
move=> law law' pos; pose Z s := visits i pi 0 s == 0.
have still s' s : Z s -> ~~ Z s' -> g * moves i pi' s' s = 0.
  move=> zs zs'; have terms : forall t, g * (visits i pi 0 t * moves i pi t s) = 0.
    have t0 t : 0 <= g * (visits i pi 0 t * moves i pi t s).
      by rewrite !mulr_ge0 ?discount_ge0 ?visits_ge0 ?moves_ge0.
    have : (1 - g) * start i s + \sum_t g * (visits i pi 0 t * moves i pi t s) == 0.
      by rewrite -mulr_sumr -visitsE.
    rewrite paddr_eq0 ?mulr_ge0 ?(ltW horizon) ?start_ge0 ?sumr_ge0 // => /andP[_].
    by rewrite psumr_eq0 // => /allP all0 t; apply/eqP/all0; rewrite mem_index_enum.
  have /negPf n0 : visits i pi 0 s' != 0 := zs'.
  have := terms s'; rewrite mulrCA => /eqP; rewrite mulf_eq0 n0 /= mxE mulr_sumr.
  have a0 a : 0 <= g * (pi s' a * transition i s' a s) by rewrite !mulr_ge0 ?discount_ge0 ?transition_ge0 ?ltW.
  rewrite psumr_eq0 // => /allP all0; rewrite mxE mulr_sumr big1 // => a _.
  have := all0 a; rewrite mem_index_enum => /(_ isT); rewrite mulrCA mulf_eq0 gt_eqF //= => /eqP.
  by rewrite mulrCA => ->; rewrite mulr0.
have start0 s : Z s -> start i s = 0.
  move=> /eqP zs; have := visitsE law s; rewrite zs => /esym/eqP.
  rewrite paddr_eq0 ?mulr_ge0 ?discount_ge0 ?(ltW horizon) ?start_ge0 ?sumr_ge0 //; last first.
    by move=> t _; rewrite mulr_ge0 ?visits_ge0 ?moves_ge0.
  by case/andP => /eqP/eqP; rewrite mulf_eq0 (gt_eqF horizon) /= => /eqP.
pose m := \sum_(s | Z s) visits i pi' 0 s.
have up : m <= g * m.
  have mE : m = \sum_(s | Z s) \sum_s' visits i pi' 0 s' * (g * moves i pi' s' s).
    apply: eq_bigr => s zs; rewrite (visitsE law') start0 // mulr0 add0r mulr_sumr.
    by apply: eq_bigr => s' _; ring.
  rewrite {1}mE exchange_big /= (bigID Z) /= [X in _ + X]big1 ?addr0; last first.
    by move=> s' zs'; rewrite big1 // => s zs; rewrite still // mulr0.
  rewrite mulr_sumr; apply: ler_sum => s' _; rewrite -mulr_sumr -mulr_sumr [X in _ <= X]mulrC.
  rewrite ler_wpmul2l ?visits_ge0 // -[X in _ <= X]mulr1 ler_wpmul2l ?discount_ge0 //.
  rewrite -(moves_sum law' s') [X in _ <= X](bigID Z) /= ler_addl.
  by apply: sumr_ge0 => s _; exact: moves_ge0.
have m0 : m = 0.
  apply/eqP; rewrite eq_le sumr_ge0 ?andbT; last by move=> s _; exact: visits_ge0.
  by rewrite -(pmulr_rle0 _ horizon) mulrBl mul1r subr_le0.
move=> s zs; move/eqP: m0; rewrite psumr_eq0 => [/allP all0|t _]; last exact: visits_ge0.
by have := all0 s; rewrite mem_index_enum /Z zs eqxx => /(_ isT) /eqP.
Qed.
End Bellman.
