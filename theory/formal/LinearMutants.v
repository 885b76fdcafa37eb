(* Made from theory/ by `python -m metagap.reports.readme`: what exact instances say of mutants. Do not edit. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From Metagap Require Import Definitions LinearDefinitions Single SingleLinear Several.
Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

(* mixed-half-constant: half the constant in the mixed form. Cauchy-Schwarz again.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.; one-gradient-step: One gradient step with one loss, feature and step size for all tasks: the mixed feature is task-independent.; numerator-vanishes: Wherever the mixed weight is 0, so is the numerator of the mixed target.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; mixed_weight_norm: norm of the mixed weight on triples (x, y, x'); mixed_misfit: misfit of the mixed target by the task-independent feature, where the mixed weight is not 0 *)
Definition mixed_half_constant (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := linear (- (1%:R / 2%:R)) (- (2%:R)) (- (1%:R)) (Adapted _ (1%:R)) r0 vr in
    assume_outer_convexity P /\
    assume_differentiable_adaptation P /\
    assume_one_gradient_step P /\
    assume_numerator_vanishes P /\
    ~ (gap P <= radius P * eps P + mixed_weight_norm P * mixed_misfit P / 2%:R).

(* c5-half: half, as between a quadratic and its minimiser. The comparator may be anywhere; near omega the gap is linear.
   outer-convexity: The outer loss is convex in the prediction, and has a slope at omega's predictions (what is used: that, and total Bregman divergence >= 0).; parameter-comparator: The comparator is the adapted hypothesis of one parameter theta', not arbitrary functions.; no-adaptation: eta = 0.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; displacement: distance of the parameters *)
Definition c5_half (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := linear (1%:R) (0%:R) (2%:R) (Adapted _ (1%:R)) r0 vr in
    assume_outer_convexity P /\
    assume_parameter_comparator P /\
    assume_no_adaptation P /\
    ~ (gap P <= eps P * displacement P / 2%:R).

(* sl-mixed-l1-half: half the L1 form. Attained where the bound of the lifted form is.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.; one-gradient-step: One gradient step with one loss, feature and step size for all tasks: the mixed feature is task-independent.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); mixed_misfit_l1: the undivided mixed bound *)
Definition sl_mixed_l1_half (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := linear (1%:R) (0%:R) (- (2%:R)) (Adapted _ (- (1%:R))) r0 vr in
    assume_outer_convexity P /\
    assume_differentiable_adaptation P /\
    assume_one_gradient_step P /\
    ~ (gap P <= mixed_misfit_l1 P / 2%:R).

(* meta-sl-mixed-numerator-vanishes-overlapping-labels-functions-as-comparator: overlapping labels, functions as comparator. The same without adaptation, squared loss, against functions.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.; one-gradient-step: One gradient step with one loss, feature and step size for all tasks: the mixed feature is task-independent.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; mixed_weight_norm: norm of the mixed weight on triples (x, y, x'); mixed_misfit: misfit of the mixed target by the task-independent feature, where the mixed weight is not 0 *)
Definition meta_sl_mixed_numerator_vanishes_overlapping_labels_functions_as_comparator (R : realType) : Prop :=
  exists (q0 : forall i, 0 <= (@listed R 2 [:: (1%:R / 2%:R); (1%:R / 2%:R)]) i)
    (l0 : forall i k, 0 <= (@tabled R 2 3 [:: [:: (1%:R / 2%:R); (1%:R / 2%:R); (0%:R)]; [:: (1%:R / 2%:R); (0%:R); (1%:R / 2%:R)]]) i k)
    (l1 : forall i, \sum_k (@tabled R 2 3 [:: [:: (1%:R / 2%:R); (1%:R / 2%:R); (0%:R)]; [:: (1%:R / 2%:R); (0%:R); (1%:R / 2%:R)]]) i k = 1)
    v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := several (@listed R 3 [:: (0%:R); (1%:R); (- (1%:R))]) (1%:R) (0%:R) (@listed R 2 [:: (1%:R / 4%:R); (- (1%:R / 4%:R))]) q0 l0 l1 r0 vr in
    assume_outer_convexity P /\
    assume_differentiable_adaptation P /\
    assume_one_gradient_step P /\
    ~ (gap P <= radius P * eps P + mixed_weight_norm P * mixed_misfit P).

(* meta-sl-c1-parameter-comparator-contradictory-functions-c1: contradictory functions (c1). Functions that contradict each other at one input belong to no parameter: omega is stationary, they are better, and eps times any distance is 0.
   squared-loss: The loss is the squared loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L *)
Definition meta_sl_c1_parameter_comparator_contradictory_functions_c1 (R : realType) : Prop :=
  exists (q0 : forall i, 0 <= (@listed R 2 [:: (1%:R / 2%:R); (1%:R / 2%:R)]) i)
    (l0 : forall i k, 0 <= (@tabled R 2 2 [:: [:: (1%:R); (0%:R)]; [:: (0%:R); (1%:R)]]) i k)
    (l1 : forall i, \sum_k (@tabled R 2 2 [:: [:: (1%:R); (0%:R)]; [:: (0%:R); (1%:R)]]) i k = 1)
    v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := several (@listed R 2 [:: (1%:R); (- (1%:R))]) (1%:R) (0%:R) (@listed R 2 [:: (1%:R); (- (1%:R))]) q0 l0 l1 r0 vr in
    assume_squared_loss P /\
    ~ (gap P <= eps P).

(* meta-sl-c3-full-row-rank-contradictory-labels: contradictory labels. Two tasks share an input and contradict each other: stationary for every radius, not optimal.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L *)
Definition meta_sl_c3_full_row_rank_contradictory_labels (R : realType) : Prop :=
  exists (q0 : forall i, 0 <= (@listed R 2 [:: (1%:R / 2%:R); (1%:R / 2%:R)]) i)
    (l0 : forall i k, 0 <= (@tabled R 2 2 [:: [:: (1%:R); (0%:R)]; [:: (0%:R); (1%:R)]]) i k)
    (l1 : forall i, \sum_k (@tabled R 2 2 [:: [:: (1%:R); (0%:R)]; [:: (0%:R); (1%:R)]]) i k = 1)
    v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := several (@listed R 2 [:: (1%:R); (- (1%:R))]) (1%:R) (0%:R) (@listed R 2 [:: (1%:R); (- (1%:R))]) q0 l0 l1 r0 vr in
    assume_outer_convexity P /\
    assume_differentiable_adaptation P /\
    ~ (gap P <= radius P * eps P).

(* meta-sl-c5-parameter-comparator-contradictory-functions-c5: contradictory functions (c5). Functions that contradict each other at one input belong to no parameter: omega is stationary, they are better, and eps times any distance is 0.
   outer-convexity: The outer loss is convex in the prediction, and has a slope at omega's predictions (what is used: that, and total Bregman divergence >= 0).; no-adaptation: eta = 0.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L *)
Definition meta_sl_c5_parameter_comparator_contradictory_functions_c5 (R : realType) : Prop :=
  exists (q0 : forall i, 0 <= (@listed R 2 [:: (1%:R / 2%:R); (1%:R / 2%:R)]) i)
    (l0 : forall i k, 0 <= (@tabled R 2 2 [:: [:: (1%:R); (0%:R)]; [:: (0%:R); (1%:R)]]) i k)
    (l1 : forall i, \sum_k (@tabled R 2 2 [:: [:: (1%:R); (0%:R)]; [:: (0%:R); (1%:R)]]) i k = 1)
    v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := several (@listed R 2 [:: (1%:R); (- (1%:R))]) (1%:R) (0%:R) (@listed R 2 [:: (1%:R); (- (1%:R))]) q0 l0 l1 r0 vr in
    assume_outer_convexity P /\
    assume_no_adaptation P /\
    ~ (gap P <= eps P).
