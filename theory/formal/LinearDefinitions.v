(* Linear models that adapt by a step of their own: what corollaries speak about, on top of Definitions. Nothing is proved
   here. Predictions are theta *m feature x; a parameter of several outputs is a row of blocks. The inner laws (supports)
   are probabilities. Two assumptions say more here than in Definitions, as quantities are named that need it. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import mathcomp_extra boolp classical_sets functions reals topology normedtype derive.
From Metagap Require Import Definitions.
Import GRing.Theory Num.Theory Order.TTheory numFieldNormedType.Exports.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope classical_set_scope.
Local Open Scope ring_scope.

(* K gradient steps with a rate per parameter and weight decay, or a proximal step. *)
Inductive scheme (R : realType) n :=
  Steps (eta : R) (rates : 'rV[R]_n) (decay : R) (k : nat) | Implicit (strength : R).

Section Adaptation.
Variables (R : realType) (n : nat) (inner_risk : 'rV[R]_n.+1 -> R^o).
Local Notation parameter := 'rV[R]_n.+1.

Definition step (eta : R) (rates : parameter) (decay : R) (theta : parameter) : parameter :=
  theta - eta *: ((gradient inner_risk theta + decay *: theta) *m diag_mx rates).
Definition proximal (strength : R) (theta t : parameter) : R :=
  inner_risk t + strength / 2%:R * enorm (t - theta) ^+ 2.
Definition adaptation (s : scheme R n.+1) (theta : parameter) : parameter :=
  match s with
  | Steps eta rates decay k => iter k (step eta rates decay) theta
  | Implicit strength => xget theta [set t | forall t', proximal strength theta t <= proximal strength theta t']
  end.
End Adaptation.

Record linear_problem (R : realType) := Linear {
  base :> problem R;
  feature : inputs base -> 'M[R]_((size base).+1, (outputs base).+1);
  inner_law : tasks base -> inputs base -> labels base -> R;  (* D_i^s (support): the mass of (x, y) *)
  how : scheme R (size base).+1;
  linear_model : forall i x theta, model i x theta = theta *m feature x;
  adaptation_made : forall i, adapt i = adaptation
    (fun theta => \sum_x \sum_y inner_law i x y * loss y (theta *m feature x) : R^o) how;
  inner_law_ge0 : forall i x y, 0 <= inner_law i x y;
  inner_law_sum : forall i, \sum_x \sum_y inner_law i x y = 1;
  strength_gt0 : match how with Implicit strength => 0 < strength | _ => True end }.

Section Quantities.
Variables (R : realType) (P : linear_problem R).
Local Notation parameter := 'rV[R]_(size P).+1.
Local Notation prediction := 'rV[R]_(outputs P).+1.

(* The mixed form. A point is (x, y) of the support with a component a of an input x' of the query; its mass is M, the
   others are numerators: those of the mixed weight, of the target, and the feature psi of one step. *)
Definition blend (f : tasks P -> R) (x : inputs P) (y : labels P) (x' : inputs P) : R :=
  \sum_i q i * inner_law i x y * rho i x' * f i.
Definition mass (x : inputs P) (y : labels P) (x' : inputs P) : R := blend (fun=> 1) x y x'.
Definition mixed_weight (x : inputs P) (y : labels P) (x' : inputs P) (a : 'I_(outputs P).+1) : R :=
  blend (fun i => w i x' 0 a) x y x' / mass x y x'.
Definition mixed_target (x : inputs P) (y : labels P) (x' : inputs P) (a : 'I_(outputs P).+1) : R :=
  blend (fun i => w i x' 0 a * u i x' 0 a) x y x' / mass x y x'.
Definition hessian (x : inputs P) (y : labels P) : 'M[R]_((outputs P).+1) :=
  jacobian (gradient (@loss R P y) : prediction -> prediction) (omega P *m feature x).
Definition mixed_feature (x : inputs P) (y : labels P) (x' : inputs P) : 'M[R]_((size P).+1, (outputs P).+1) :=
  match how P with
  | Steps eta rates decay _ =>
      feature x' - eta *: ((feature x *m hessian x y *m (feature x)^T + decay%:M) *m diag_mx rates *m feature x')
  | Implicit _ => 0
  end.
Definition total (f : inputs P -> labels P -> inputs P -> 'I_(outputs P).+1 -> R) : R :=
  \sum_x \sum_y \sum_x' \sum_a mass x y x' * f x y x' a.
Definition mixed_residual (v : parameter) (x : inputs P) (y : labels P) (x' : inputs P) (a : 'I_(outputs P).+1) : R :=
  if mixed_weight x y x' a == 0 then 0
  else mixed_target x y x' a / mixed_weight x y x' a - (v *m mixed_feature x y x') 0 a.

(* The quantities that claims name. *)
Definition mixed_weight_norm : R := Num.sqrt (total (fun x y x' a => mixed_weight x y x' a ^+ 2)).
Definition mixed_misfit : R :=
  inf [set Num.sqrt (total (fun x y x' a => mixed_residual v x y x' a ^+ 2)) | v in @ball R P].
Definition mixed_misfit_l1 : R := inf [set eps P * enorm v + \sum_x \sum_y \sum_x' mass x y x' *
  `|\sum_a (mixed_target x y x' a - mixed_weight x y x' a * (v *m mixed_feature x y x') 0 a)|
  | v in [set: parameter]].

(* One task: sums over the tasks of positive weight. J_i'g is g *m (jacobian U_i)^T here; its least singular value is the
   least length of v *m J_i^T for v of length 1. *)
Definition only (f : tasks P -> R) : R := \sum_i (if 0 < q i then f i else 0).
Definition least_stretch n (A : 'M[R]_n) : R := inf [set enorm (v *m A) | v in [set v | enorm v = 1]].
Definition adapted_displacement : R := only (fun i => match comparator P with
  | Adapted theta => enorm (adapt i (omega P) - adapt i theta) | _ => 0 end).
Definition jacobian_min : R := only (fun i => least_stretch (jacobian (@adapt R P i) (omega P))^T).

(* The assumptions. Those of Definitions, with the derivatives that Breg and the mixed feature name: of the loss at the
   adapted predictions, and twice at the predictions that a support gives at omega. *)
Definition assume_outer_convexity : Prop := Definitions.assume_outer_convexity P /\
  forall i x y, used i x y -> differentiable (@loss R P y) (z i x).
Definition assume_differentiable_adaptation : Prop := Definitions.assume_differentiable_adaptation P /\
  forall i x y, 0 < q i * inner_law i x y ->
    (\forall p \near omega P *m feature x, differentiable (@loss R P y) p) /\
    differentiable (gradient (@loss R P y) : prediction -> prediction) (omega P *m feature x).
Definition assume_squared_loss : Prop :=
  exists target : labels P -> prediction, forall y p, loss y p = dot (p - target y) (p - target y) / 2%:R.
Definition assume_no_adaptation : Prop :=
  match how P with Steps eta rates _ _ => forall j, eta * rates 0 j = 0 | Implicit _ => False end.
Definition assume_one_gradient_step : Prop := if how P is Steps _ _ _ 1%N then True else False.
Definition assume_numerator_vanishes : Prop := forall x y x' a,
  mixed_weight x y x' a = 0 -> mixed_target x y x' a = 0.
Definition assume_single_task : Prop := exists i, forall i', 0 < q i' <-> i' = i :> tasks P.
Definition assume_invertible_jacobian : Prop := forall i, 0 < q i -> jacobian (@adapt R P i) (omega P) \in unitmx.

End Quantities.
