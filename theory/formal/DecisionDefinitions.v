(* What the statements about decision processes speak about: the quantities of theory/meta_rl.py, each under its own name,
   and the assumptions. Nothing is proved here. Tasks, states and actions are finite; values are normalised. Of how
   policies adapt nothing is known: a task has a policy for every parameter. 0/0 is 0: u is 0 at states without visits. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive exp.
From Metagap Require Import Definitions.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

(* A policy: every state has a law of actions. *)
Definition lawful (R : realType) (S : Type) (actions : finType) (pi : S -> actions -> R) : Prop :=
  forall s, (forall a, 0 <= pi s a) /\ \sum_a pi s a = 1.

Record decision_problem (R : realType) := DecisionProblem {
  tasks : finType;
  states : nat;
  actions : finType;
  size : nat;     (* parameters have size.+1 components *)
  q : tasks -> R;                                                   (* weights of the tasks *)
  transition : tasks -> 'I_states -> actions -> 'I_states -> R;     (* P_i(s' | s, a) *)
  reward : tasks -> 'I_states -> actions -> R;
  discount : tasks -> R;
  start : tasks -> 'I_states -> R;                                  (* zeta_i *)
  adapted : 'rV[R]_size.+1 -> tasks -> 'I_states -> actions -> R; (* pi_i at theta, however it is made *)
  omega : 'rV[R]_size.+1;
  comparator : rival 'rV[R]_size.+1 (tasks -> 'I_states -> actions -> R);
  radius : R;
  along : 'rV[R]_size.+1;                                           (* the direction v, in the ball *)
  q_ge0 : forall i, 0 <= q i;
  transition_ge0 : forall i s a s', 0 <= transition i s a s';
  transition_sum : forall i s a, \sum_s' transition i s a s' = 1;
  discount_ge0 : forall i, 0 <= discount i;
  discount_lt1 : forall i, discount i < 1;
  start_ge0 : forall i s, 0 <= start i s;
  start_sum : forall i, \sum_s start i s = 1;
  adapted_near : \forall theta \near omega, forall i, lawful (adapted theta i);
  rival_lawful : forall i, lawful (match comparator with Adapted theta => adapted theta | Functions h => h end i);
  radius_gt0 : 0 < radius;
  along_ball : enorm along <= radius }.

Section Quantities.
Variables (R : realType) (P : decision_problem R).
Local Notation parameter := 'rV[R]_(size P).+1.
Local Notation state := 'I_(states P).
Local Notation table := (state -> actions P -> R).
Local Notation functions := (tasks P -> table).
Implicit Types (i : tasks P) (s : state) (a : actions P).

(* The policies compared: pi_i at omega, and pi'_i. *)
Definition own : tasks P -> state -> actions P -> R := adapted (omega P).
Definition against : tasks P -> state -> actions P -> R :=
  match comparator P with Adapted theta => adapted theta | Functions h => h end.

(* V = (1-g)(I - g P_pi)^-1 r_pi, the one solution of the Bellman equation (Bellman.bellman); nu = (1-g)(I - g P_pi')^-1
   zeta, that of the equation of visits (Bellman.flow). *)
Definition moves i (pi : state -> actions P -> R) : 'M[R]_(states P) := \matrix_(s, s') \sum_a pi s a * transition i s a s'.
Definition gains i (pi : state -> actions P -> R) : 'cV[R]_(states P) := \col_s \sum_a pi s a * reward i s a.
Definition resolvent i (pi : state -> actions P -> R) : 'M[R]_(states P) := invmx (1%:M - discount i *: moves i pi).
Definition value i pi : 'cV[R]_(states P) := (1 - discount i) *: (resolvent i pi *m gains i pi).
Definition visits i pi : 'rV[R]_(states P) := (1 - discount i) *: ((\row_s start i s) *m resolvent i pi).
Definition action_value i pi : table := fun s a =>
  (1 - discount i) * reward i s a + discount i * \sum_s' transition i s a s' * value i pi s' 0.
Definition advantage i pi : table := fun s a => action_value i pi s a - value i pi s 0.
Definition return_of i pi : R := \sum_s start i s * value i pi s 0.
Definition objective : parameter -> R^o := fun theta => \sum_i q i * return_of i (adapted theta i).

(* w = A/(1-g), u = (nu'/nu)(pi'/pi - 1), and Phi = grad log pi minus its mean in the state. *)
Definition w : functions := fun i s a => advantage i (own i) s a / (1 - discount i).
Definition u : functions := fun i s a =>
  visits i (against i) 0 s / visits i (own i) 0 s * (against i s a / own i s a - 1).
Definition score i s a : parameter := gradient (fun theta => ln (adapted theta i s a : R) : R^o) (omega P).
Definition phi i s a : parameter := score i s a - \sum_b own i s b *: score i s b.

(* <f, g> = sum_i q_i E_sigma_i[f_i g_i], sigma_i(s, a) = nu_i(s) pi_i(a | s). *)
Definition sigma i s a : R := visits i (own i) 0 s * own i s a.
Definition inner (f g : functions) : R := \sum_i q i * \sum_s \sum_a sigma i s a * (f i s a * g i s a).
Definition norm (f : functions) : R := Num.sqrt (inner f f).
Definition residual (v : parameter) : functions := fun i s a => u i s a - dot v (phi i s a).
Definition paired : parameter := \row_j inner w (fun i s a => phi i s a 0 j).
Definition ball : set parameter := [set v | enorm v <= radius P].

(* The quantities that claims name. *)
Definition gap : R := \sum_i q i * (return_of i (against i) - return_of i (own i)).
Definition eps : R := enorm (gradient objective (omega P)).
Definition weight_norm : R := norm w.
Definition misfit : R := inf [set norm (residual v) | v in ball].
Definition pairing : R := inner w u.
Definition direction : R := 'D_(along P) objective (omega P).
Definition inner_product : R := inner w (residual (along P)).
Definition residual_norm : R := norm (residual (along P)).
Definition chain_rule_defect : R := enorm (gradient objective (omega P) - paired).
Definition misfit_l1 : R := inf [set eps * enorm v +
  inner (fun i s a => `|w i s a|) (fun i s a => `|residual v i s a|) | v in [set: parameter]].
Definition adapted_return : R := objective (omega P).
Definition optimal_return : R := \sum_i q i * sup [set return_of i pi | pi in @lawful R state (actions P)].
Definition rewards i : set R := [set r | exists s a, r = reward i s a].
Definition reward_span i : R := sup (rewards i) - inf (rewards i).
Definition weight_bound : R := Num.sqrt (\sum_i q i * (reward_span i / (2%:R * (1 - discount i))) ^+ 2).

(* The assumptions: smoothness is asked where a task of positive weight is, at states that it visits. *)
Definition smooth : Prop := forall i s a, 0 < q i -> 0 < visits i (own i) 0 s ->
  differentiable (fun theta => adapted theta i s a : R^o) (omega P).
Definition assume_positive_policy : Prop := (forall i s a, 0 < q i -> 0 < own i s a) /\ smooth.
Definition assume_differentiable_adaptation : Prop := smooth.

End Quantities.

Definition zero (R : realType) (P : decision_problem R) : R := 0.
