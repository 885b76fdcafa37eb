(* What the statements speak about: the quantities of theory/notation.py, each under its own name, and the assumptions.
   Nothing is proved here. Tasks, inputs and labels are finite. Vectors of numbers are rows: the theory's J'phi is here
   (jacobian U) *m (jacobian h), and phi'v is v *m phi. mathcomp's jacobian, derivative 'D_v and inf are used as they
   are; inf of a set without a lower bound, and a derivative that does not exist, have no meaning and must not matter. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

(* The Euclidean norm, and the gradient: the row of partial derivatives. *)
Definition enorm (R : realType) n (v : 'rV[R]_n) : R := Num.sqrt (\sum_j v 0 j * v 0 j).
Definition gradient (R : realType) n (f : 'rV[R]_n.+1 -> R^o) (x : 'rV[R]_n.+1) : 'rV[R]_n.+1 :=
  \row_j 'D_(delta_mx 0 j) f x.

(* What omega is compared with: a parameter theta', which every task adapts, or any functions. *)
Inductive rival (A B : Type) := Adapted (_ : A) | Functions (_ : B).

Record problem (R : realType) := Problem {
  tasks : finType;
  inputs : finType;
  labels : finType;
  size : nat;     (* parameters have size.+1 components *)
  outputs : nat;  (* predictions have outputs.+1 components *)
  q : tasks -> R;                            (* weights of the tasks *)
  law : tasks -> inputs -> labels -> R;      (* outer law D_i (query): the mass of (x, y) *)
  loss : labels -> 'rV[R]_outputs.+1 -> R^o; (* ell(z, y) *)
  model : tasks -> inputs -> 'rV[R]_size.+1 -> 'rV[R]_outputs.+1; (* h_theta(x) of task i *)
  adapt : tasks -> 'rV[R]_size.+1 -> 'rV[R]_size.+1;             (* U_i, however it is made *)
  omega : 'rV[R]_size.+1;
  comparator : rival 'rV[R]_size.+1 (tasks -> inputs -> 'rV[R]_outputs.+1);
  radius : R;
  along : 'rV[R]_size.+1;                    (* the direction v, in the ball *)
  q_ge0 : forall i, 0 <= q i;
  law_ge0 : forall i x y, 0 <= law i x y;
  radius_gt0 : 0 < radius;
  along_ball : enorm along <= radius }.

Section Quantities.
Variables (R : realType) (P : problem R).
Local Notation parameter := 'rV[R]_(size P).+1.
Local Notation prediction := 'rV[R]_(outputs P).+1.
Local Notation functions := (tasks P -> inputs P -> prediction).

(* Predictions of adapted parameters (z at omega), and the comparator's h'. *)
Definition adapted (theta : parameter) : functions := fun i x => model i x (adapt i theta).
Definition z : functions := adapted (omega P).
Definition h' : functions := match comparator P with Adapted theta => adapted theta | Functions h => h end.

(* Mass of an input, risks, and the meta-objective L. *)
Definition rho (i : tasks P) (x : inputs P) : R := \sum_y law i x y.
Definition expectation (i : tasks P) (f : inputs P -> labels P -> R) : R := \sum_x \sum_y law i x y * f x y.
Definition risk (i : tasks P) (h : inputs P -> prediction) : R := expectation i (fun x y => loss y (h x)).
Definition objective : parameter -> R^o := fun theta => \sum_i q i * risk i (adapted theta i).

(* w_i(x) = E[ell'(z_i(x), y) | x], the displacement u and the meta-features phi. *)
Definition w : functions := fun i x => (rho i x)^-1 *: \sum_y law i x y *: gradient (@loss R P y) (z i x).
Definition u : functions := fun i x => z i x - h' i x.
Definition plain (i : tasks P) (x : inputs P) : 'M[R]_((size P).+1, (outputs P).+1) :=
  jacobian (@model R P i x) (adapt i (omega P)).
Definition phi (i : tasks P) (x : inputs P) : 'M[R]_((size P).+1, (outputs P).+1) :=
  jacobian (@adapt R P i) (omega P) *m plain i x.

(* <f, g> = sum_i q_i E[f_i g_i] and its norm; u - phi'v and <w, phi> for any features. *)
Definition dot n (a b : 'rV[R]_n) : R := \sum_k a 0 k * b 0 k.
Definition inner (f g : functions) : R := \sum_i q i * \sum_x rho i x * dot (f i x) (g i x).
Definition norm (f : functions) : R := Num.sqrt (inner f f).
Definition residual (features : forall (i : tasks P) (x : inputs P), 'M[R]_((size P).+1, (outputs P).+1))
  (v : parameter) : functions := fun i x => u i x - v *m features i x.
Definition paired (features : forall (i : tasks P) (x : inputs P), 'M[R]_((size P).+1, (outputs P).+1)) : parameter :=
  \row_j inner w (fun i x => row j (features i x)).
Definition ball : set parameter := [set v | enorm v <= radius P].

(* The quantities that claims name. *)
Definition gap : R := objective (omega P) - \sum_i q i * risk i (h' i).
Definition bregman : R := \sum_i q i * expectation i (fun x y =>
  loss y (h' i x) - loss y (z i x) - dot (gradient (@loss R P y) (z i x)) (h' i x - z i x)).
Definition eps : R := enorm (gradient objective (omega P)).
Definition weight_norm : R := norm w.
Definition misfit : R := inf [set norm (residual phi v) | v in ball].
Definition pairing : R := inner w u.
Definition direction : R := 'D_(along P) objective (omega P).
Definition inner_product : R := inner w (residual phi (along P)).
Definition residual_norm : R := norm (residual phi (along P)).
Definition chain_rule_defect : R := enorm (gradient objective (omega P) - paired phi).
Definition misfit_l1 : R := inf [set eps * enorm v +
  \sum_i q i * \sum_x rho i x * `|dot (w i x) (residual phi v i x)| | v in [set: parameter]].
Definition eps_first_order : R := enorm (paired plain).
Definition misfit_plain : R := inf [set norm (residual plain v) | v in ball].
Definition function_displacement : R := norm u.
Definition displacement : R := match comparator P with Adapted theta => enorm (omega P - theta) | _ => 0 end.

(* Second derivatives of the loss on the segments between adapted and comparator predictions, in all directions of
   length 1, at atoms of positive mass; the least of them. *)
Definition used (i : tasks P) (x : inputs P) (y : labels P) : Prop := 0 < q i * law i x y.
Definition between (i : tasks P) (x : inputs P) (t : R) : prediction := z i x + t *: (h' i x - z i x).
Definition curvature (y : labels P) (p e : prediction) : R := 'D_e ('D_e (@loss R P y) : prediction -> R^o) p.
Definition strong_convexity : R := inf [set c | exists i x y t e,
  used i x y /\ 0 <= t <= 1 /\ enorm e = 1 /\ c = curvature y (between i x t) e].

(* The shortest v with v'phi = u at every point of positive mass. *)
Definition represents (v : parameter) : Prop := forall i x, 0 < q i * rho i x -> v *m phi i x = u i x.
Definition min_norm_solution : R := inf [set enorm v | v in represents].

(* The assumptions. *)

(* What is used of convexity: the total Bregman divergence is not negative. Convex losses that are
   differentiable have that: Convexity.convex_losses. *)
Definition assume_outer_convexity : Prop := 0 <= bregman.
Definition assume_differentiable_adaptation : Prop := forall i x y, used i x y ->
  [/\ differentiable (@adapt R P i) (omega P),
      differentiable (@model R P i x) (adapt i (omega P)) &
      differentiable (@loss R P y) (z i x)].
Definition assume_strong_convexity : Prop := 0 < strong_convexity /\
  forall i x y, used i x y -> (forall p, differentiable (@loss R P y) p) /\
    forall t e, 0 <= t <= 1 -> derivable ('D_e (@loss R P y) : prediction -> R^o) (between i x t) e.
Definition assume_full_row_rank : Prop := forall c : functions,
  (forall j, \sum_i \sum_x (if 0 < q i * rho i x then dot (c i x) (row j (phi i x)) else 0) = 0) ->
  forall i x, 0 < q i * rho i x -> c i x = 0.
Definition assume_parameter_comparator : Prop := exists theta, comparator P = Adapted _ theta.

End Quantities.

Definition zero (R : realType) (P : problem R) : R := 0.
