(* Made from theory/ by `python -m metagap.reports.readme`: what the claims say. Do not edit. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From Metagap Require Import Definitions LinearDefinitions.
Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

(* meta-sl-mixed: Optimality gap, mixed form. The bound with one task-independent feature on triples z = (x, y, x') under the mixture M = sum q_i D_i^s x rho_i: (x, y) from the support, x' from the query.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.; one-gradient-step: One gradient step with one loss, feature and step size for all tasks: the mixed feature is task-independent.; numerator-vanishes: Wherever the mixed weight is 0, so is the numerator of the mixed target.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; mixed_weight_norm: norm of the mixed weight on triples (x, y, x'); mixed_misfit: misfit of the mixed target by the task-independent feature, where the mixed weight is not 0 *)
Definition meta_sl_mixed (R : realType) : Prop := forall P : linear_problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  assume_one_gradient_step P ->
  assume_numerator_vanishes P ->
  gap P <= radius P * eps P + mixed_weight_norm P * mixed_misfit P.

(* meta-sl-mixed-l1: Optimality gap, undivided mixed form. The mixed bound without dividing by the mixed weight: needs no hypothesis on it.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.; one-gradient-step: One gradient step with one loss, feature and step size for all tasks: the mixed feature is task-independent.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); mixed_misfit_l1: the undivided mixed bound *)
Definition meta_sl_mixed_l1 (R : realType) : Prop := forall P : linear_problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  assume_one_gradient_step P ->
  gap P <= mixed_misfit_l1 P.

(* meta-sl-c1: C1: squared loss. For the squared loss the gap to any theta' is at most eps times the distance of the parameters.
   squared-loss: The loss is the squared loss.; parameter-comparator: The comparator is the adapted hypothesis of one parameter theta', not arbitrary functions.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; displacement: distance of the parameters *)
Definition meta_sl_c1 (R : realType) : Prop := forall P : linear_problem R,
  assume_squared_loss P ->
  assume_parameter_comparator P ->
  gap P <= eps P * displacement P.

(* meta-sl-c5: C5: no adaptation. Without adaptation the problem is convex: the gap is at most eps times the distance.
   outer-convexity: The outer loss is convex in the prediction, and has a slope at omega's predictions (what is used: that, and total Bregman divergence >= 0).; parameter-comparator: The comparator is the adapted hypothesis of one parameter theta', not arbitrary functions.; no-adaptation: eta = 0.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; displacement: distance of the parameters *)
Definition meta_sl_c5 (R : realType) : Prop := forall P : linear_problem R,
  assume_outer_convexity P ->
  assume_parameter_comparator P ->
  assume_no_adaptation P ->
  gap P <= eps P * displacement P.

(* meta-sl-c7: C7: one task. With one task and an invertible Jacobian no parameter does better than a stationary point.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.; single-task: There is one task (of positive weight).; parameter-comparator: The comparator is the adapted hypothesis of one parameter theta', not arbitrary functions.; invertible-jacobian: The Jacobian of the adaptation is invertible at omega.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; adapted_displacement: distance of the adapted parameters (one task); jacobian_min: smallest singular value of the adaptation's Jacobian (one task) *)
Definition meta_sl_c7 (R : realType) : Prop := forall P : linear_problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  assume_single_task P ->
  assume_parameter_comparator P ->
  assume_invertible_jacobian P ->
  gap P <= eps P * adapted_displacement P / jacobian_min P.
