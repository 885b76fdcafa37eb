(* Made from theory/ by `python -m metagap.reports.readme`: what exact instances say of mutants. Do not edit. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From Metagap Require Import Definitions Single.
Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

(* no-weight: the norm of w dropped. The misfit is weighed by the functional gradient.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's *)
Definition no_weight (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (1%:R) (5%:R) (- (1%:R)) (Adapted _ (1%:R)) r0 vr in
    assume_outer_convexity P /\
    assume_differentiable_adaptation P /\
    ~ (gap P <= radius P * eps P + misfit P).

(* no-stationarity-term: R eps dropped. Only at exactly stationary points is the term 0.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's *)
Definition no_stationarity_term (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (1%:R) (1%:R) (0%:R) (Functions _ (1%:R)) r0 vr in
    assume_outer_convexity P /\
    assume_differentiable_adaptation P /\
    ~ (gap P <= weight_norm P * misfit P).

(* half-constant: half the constant in front of the misfit. Cauchy-Schwarz is attained by tangent comparators.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's *)
Definition half_constant (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (- (1%:R / 2%:R)) (- (2%:R)) (- (1%:R)) (Adapted _ (1%:R)) r0 vr in
    assume_outer_convexity P /\
    assume_differentiable_adaptation P /\
    ~ (gap P <= radius P * eps P + weight_norm P * misfit P / 2%:R).

(* c3-half: half the shortest representation. Attained where G and the shortest v are proportional.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.; full-row-rank: The meta-features over all (task, input) pairs are linearly independent.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; min_norm_solution: norm of the shortest v with phi_i(x)'v = u_i(x) everywhere *)
Definition c3_half (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (- (1%:R)) (- (1%:R)) (- (1%:R)) (Adapted _ (0%:R)) r0 vr in
    assume_outer_convexity P /\
    assume_differentiable_adaptation P /\
    assume_full_row_rank P /\
    ~ (gap P <= eps P * min_norm_solution P / 2%:R).

(* c4-twice: the whole of mu for half of it. The Bregman divergence of a mu-strongly convex loss is at least mu u^2/2, with equality for squares.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.; strong-convexity: ell'' >= mu > 0 on the segments between adapted and comparator predictions.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's; strong_convexity: smallest ell'' on the segments between adapted and comparator predictions; function_displacement: norm of the displacement u: the misfit of v = 0, so the most that it can be *)
Definition c4_twice (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (1%:R) (0%:R) (0%:R) (Adapted _ (1%:R)) r0 vr in
    assume_differentiable_adaptation P /\
    assume_strong_convexity P /\
    ~ (gap P <= radius P * eps P + weight_norm P * misfit P - strong_convexity P * function_displacement P ^+ 2).

(* refined-twice: twice the Bregman divergence. The identity has it once.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's; bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)] *)
Definition refined_twice (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (1%:R) (0%:R) (0%:R) (Adapted _ (1%:R)) r0 vr in
    assume_differentiable_adaptation P /\
    ~ (gap P <= radius P * eps P + weight_norm P * misfit P - 2%:R * bregman P).

(* identity-bregman-subtracted: the Bregman divergence subtracted from the gap in the identity. gap + Breg is linear in the displacement, the gap is not.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)]; inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; direction: derivative of L at omega in the direction v, by Taylor arithmetic *)
Definition identity_bregman_subtracted (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (1%:R) (0%:R) (0%:R) (Adapted _ (1%:R)) r0 vr in
    assume_differentiable_adaptation P /\
    ~ (gap P - bregman P = inner_product P + direction P).

(* sl-identity-along-v: the derivative of L along v left out of the identity. v'G is 0 at stationary points only.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)]; inner_product: sum_i q_i E[w_i (u_i - phi_i' v)] *)
Definition sl_identity_along_v (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (1%:R) (1%:R) (0%:R) (Adapted _ (1%:R)) r0 vr in
    assume_differentiable_adaptation P /\
    ~ (gap P + bregman P = inner_product P).

(* sl-s3-no-radius: the length of the direction left out of S3. The derivative along v grows with v.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   direction: derivative of L at omega in the direction v, by Taylor arithmetic; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L *)
Definition sl_s3_no_radius (R : realType) : Prop :=
  exists v (r0 : 0 < (4%:R) :> R) (vr : `|v| <= (4%:R)),
    let P := single (1%:R) (- (1%:R)) (0%:R) (Adapted _ (- (2%:R))) r0 vr in
    assume_differentiable_adaptation P /\
    ~ (direction P <= eps P).

(* sl-s4-half: half of Cauchy-Schwarz. Equality where w and the residual are proportional.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; residual_norm: norm of the misfit at the direction v *)
Definition sl_s4_half (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (1%:R) (- (1%:R)) (0%:R) (Adapted _ (- (1%:R))) r0 vr in
    assume_differentiable_adaptation P /\
    ~ (inner_product P <= weight_norm P * residual_norm P / 2%:R).

(* sl-l1-half: half the L1 form. Attained where the bound of the lifted form is.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius *)
Definition sl_l1_half (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (0%:R) (- (2%:R)) (0%:R) (Functions _ (- (1%:R))) r0 vr in
    assume_outer_convexity P /\
    assume_differentiable_adaptation P /\
    ~ (gap P <= misfit_l1 P / 2%:R).

(* sl-s1-equal: the gap is the pairing. The Bregman divergence is left out: it is 0 for linear losses only.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); pairing: sum_i q_i E[w_i u_i] *)
Definition sl_s1_equal (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (1%:R) (0%:R) (0%:R) (Adapted _ (1%:R)) r0 vr in
    assume_outer_convexity P /\
    ~ (gap P = pairing P).

(* sl-first-order-no-eps: R times FOMAML's gradient left out. Only where first-order MAML is stationary is the term 0.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit_plain: misfit by the plain features phi *)
Definition sl_first_order_no_eps (R : realType) : Prop :=
  exists v (r0 : 0 < (1%:R) :> R) (vr : `|v| <= (1%:R)),
    let P := single (1%:R) (1%:R) (0%:R) (Functions _ (1%:R)) r0 vr in
    assume_outer_convexity P /\
    ~ (gap P <= weight_norm P * misfit_plain P).
