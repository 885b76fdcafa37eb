(* Made from theory/ by `python -m metagap.reports.readme`: what the claims say. Do not edit. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From Metagap Require Import Definitions.
Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

(* meta-sl-identity: Exact identity. gap plus Bregman divergence equals the derivative of L along v plus the weighted residual, for every direction v and every comparator.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)]; inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; direction: derivative of L at omega in the direction v, by Taylor arithmetic *)
Definition meta_sl_identity (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  gap P + bregman P = inner_product P + direction P.

(* meta-sl-s1: Step S1: functional geometry. The gap is at most the pairing of the functional gradient with the displacement.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); pairing: sum_i q_i E[w_i u_i] *)
Definition meta_sl_s1 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  gap P <= pairing P.

(* meta-sl-s2: Step S2: chain rule. The gradient of the meta-objective is the functional gradient paired with the meta-features.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   chain_rule_defect: distance between the gradient through the definition of L and through the meta-features; zero: zero *)
Definition meta_sl_s2 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  chain_rule_defect P = zero P.

(* meta-sl-s3: Step S3: stationarity. Along any direction of the ball, L changes at rate at most R eps.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   direction: derivative of L at omega in the direction v, by Taylor arithmetic; radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L *)
Definition meta_sl_s3 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  direction P <= radius P * eps P.

(* meta-sl-s4: Step S4: Cauchy-Schwarz. The weighted residual is at most the norm of w times the norm of the residual.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; residual_norm: norm of the misfit at the direction v *)
Definition meta_sl_s4 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  inner_product P <= weight_norm P * residual_norm P.

(* meta-sl-lifted: Optimality gap, lifted form. At any omega the gap to any comparator is at most R times the gradient norm plus the norm of w times the best approximation of the displacement by meta-features of norm at most R.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's *)
Definition meta_sl_lifted (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  gap P <= radius P * eps P + weight_norm P * misfit P.

(* meta-sl-l1: Optimality gap, L1 form without a radius. The same without Cauchy-Schwarz and without choosing R: never larger than the lifted bound.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius *)
Definition meta_sl_l1 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  gap P <= misfit_l1 P.

(* meta-sl-first-order: First-order MAML's own theorem. With FOMAML's gradient as eps and the plain features phi the bound holds exactly, without a bias term.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps_first_order: norm of FOMAML's gradient sum_i q_i grad R_i(omega_i); weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit_plain: misfit by the plain features phi *)
Definition meta_sl_first_order (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  gap P <= radius P * eps_first_order P + weight_norm P * misfit_plain P.

(* meta-sl-c3: C3: over-parameterisation. If the meta-features are linearly independent, the misfit vanishes and the gap over all functions is at most eps times the norm of the shortest representation.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.; full-row-rank: The meta-features over all (task, input) pairs are linearly independent.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; min_norm_solution: norm of the shortest v with phi_i(x)'v = u_i(x) everywhere *)
Definition meta_sl_c3 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  assume_full_row_rank P ->
  gap P <= eps P * min_norm_solution P.

(* meta-sl-c4: C4: strongly convex refinement. Strong convexity on the segments subtracts (mu/2) ||u||^2 from the lifted bound.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.; strong-convexity: ell'' >= mu > 0 on the segments between adapted and comparator predictions.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's; strong_convexity: smallest ell'' on the segments between adapted and comparator predictions; function_displacement: norm of the displacement u: the misfit of v = 0, so the most that it can be *)
Definition meta_sl_c4 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  assume_strong_convexity P ->
  gap P <= radius P * eps P + weight_norm P * misfit P - strong_convexity P * function_displacement P ^+ 2 / 2%:R.

(* meta-sl-refined: Optimality gap, lifted form with its Bregman divergence. The lifted bound minus the Bregman divergence, which S1 gives away. Nothing need be convex.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's; bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)] *)
Definition meta_sl_refined (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  gap P <= radius P * eps P + weight_norm P * misfit P - bregman P.

(* meta-sl-refined-l1: Optimality gap, L1 form with its Bregman divergence. The L1 form minus the Bregman divergence: the smallest of these bounds. Nothing need be convex.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius; bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)] *)
Definition meta_sl_refined_l1 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  gap P <= misfit_l1 P - bregman P.

(* network-identity: Exact identity. gap plus Bregman divergence equals the derivative of L along v plus the weighted residual, for every direction v and every comparator.
   differentiable-adaptation: No neuron is at its kink at a support point x != 0, at W and at every iterate that a step starts from, nor at a query point x != 0 at W_i; no prediction there on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)]; inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; direction: derivative of L at omega in the direction v, by Taylor arithmetic *)
Definition network_identity (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  gap P + bregman P = inner_product P + direction P.

(* network-s1: Step S1: functional geometry. The gap is at most the pairing of the functional gradient with the displacement.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); pairing: sum_i q_i E[w_i u_i] *)
Definition network_s1 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  gap P <= pairing P.

(* network-s2: Step S2: chain rule. The gradient of the meta-objective is the functional gradient paired with the meta-features. (In the whole space R^{md} at any width: a gradient is a combination of pattern features.)
   differentiable-adaptation: No neuron is at its kink at a support point x != 0, at W and at every iterate that a step starts from, nor at a query point x != 0 at W_i; no prediction there on a joint of the loss.
   chain_rule_defect: distance between the gradient through the definition of L and through the meta-features; zero: zero *)
Definition network_s2 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  chain_rule_defect P = zero P.

(* network-s3: Step S3: stationarity. Along any direction of the ball, L changes at rate at most R eps.
   differentiable-adaptation: No neuron is at its kink at a support point x != 0, at W and at every iterate that a step starts from, nor at a query point x != 0 at W_i; no prediction there on a joint of the loss.
   direction: derivative of L at omega in the direction v, by Taylor arithmetic; radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L *)
Definition network_s3 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  direction P <= radius P * eps P.

(* network-s4: Step S4: Cauchy-Schwarz. The weighted residual is at most the norm of w times the norm of the residual.
   differentiable-adaptation: No neuron is at its kink at a support point x != 0, at W and at every iterate that a step starts from, nor at a query point x != 0 at W_i; no prediction there on a joint of the loss.
   inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; residual_norm: norm of the misfit at the direction v *)
Definition network_s4 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  inner_product P <= weight_norm P * residual_norm P.

(* network-lifted: Optimality gap, lifted form. At any omega the gap to any comparator is at most R times the gradient norm plus the norm of w times the best approximation of the displacement by meta-features of norm at most R.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: No neuron is at its kink at a support point x != 0, at W and at every iterate that a step starts from, nor at a query point x != 0 at W_i; no prediction there on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's *)
Definition network_lifted (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  gap P <= radius P * eps P + weight_norm P * misfit P.

(* network-l1: Optimality gap, L1 form without a radius. The same without Cauchy-Schwarz and without choosing R: never larger than the lifted bound.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: No neuron is at its kink at a support point x != 0, at W and at every iterate that a step starts from, nor at a query point x != 0 at W_i; no prediction there on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius *)
Definition network_l1 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  gap P <= misfit_l1 P.

(* network-c4: C4: strongly convex refinement. Strong convexity on the segments subtracts (mu/2) ||u||^2 from the lifted bound.
   differentiable-adaptation: No neuron is at its kink at a support point x != 0, at W and at every iterate that a step starts from, nor at a query point x != 0 at W_i; no prediction there on a joint of the loss.; strong-convexity: ell'' >= mu > 0 on the segments between adapted and comparator predictions.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's; strong_convexity: smallest ell'' on the segments between adapted and comparator predictions; function_displacement: norm of the displacement u: the misfit of v = 0, so the most that it can be *)
Definition network_c4 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  assume_strong_convexity P ->
  gap P <= radius P * eps P + weight_norm P * misfit P - strong_convexity P * function_displacement P ^+ 2 / 2%:R.

(* network-refined: Optimality gap, lifted form with its Bregman divergence. The lifted bound minus the Bregman divergence, which S1 gives away. Nothing need be convex.
   differentiable-adaptation: No neuron is at its kink at a support point x != 0, at W and at every iterate that a step starts from, nor at a query point x != 0 at W_i; no prediction there on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's; bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)] *)
Definition network_refined (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  gap P <= radius P * eps P + weight_norm P * misfit P - bregman P.

(* network-refined-l1: Optimality gap, L1 form with its Bregman divergence. The L1 form minus the Bregman divergence: the smallest of these bounds. Nothing need be convex.
   differentiable-adaptation: No neuron is at its kink at a support point x != 0, at W and at every iterate that a step starts from, nor at a query point x != 0 at W_i; no prediction there on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius; bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)] *)
Definition network_refined_l1 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  gap P <= misfit_l1 P - bregman P.

(* network-c3: C3: over-parameterised networks interpolate. If the meta-features over all (task, input) pairs are linearly independent, the gap over all functions is at most eps times the norm of the shortest representation.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: No neuron is at its kink at a support point x != 0, at W and at every iterate that a step starts from, nor at a query point x != 0 at W_i; no prediction there on a joint of the loss.; full-row-rank: The meta-features over all (task, input) pairs are linearly independent.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; min_norm_solution: norm of the shortest v with phi_i(x)'v = u_i(x) everywhere *)
Definition network_c3 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  assume_full_row_rank P ->
  gap P <= eps P * min_norm_solution P.

(* smooth-network-identity: Exact identity. gap plus Bregman divergence equals the derivative of L along v plus the weighted residual, for every direction v and every comparator.
   differentiable-adaptation: No prediction on a joint of the loss: the network itself is smooth.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)]; inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; direction: derivative of L at omega in the direction v, by Taylor arithmetic *)
Definition smooth_network_identity (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  gap P + bregman P = inner_product P + direction P.

(* smooth-network-s1: Step S1: functional geometry. The gap is at most the pairing of the functional gradient with the displacement.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); pairing: sum_i q_i E[w_i u_i] *)
Definition smooth_network_s1 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  gap P <= pairing P.

(* smooth-network-s2: Step S2: chain rule. The gradient of the meta-objective is the functional gradient paired with the meta-features.
   differentiable-adaptation: No prediction on a joint of the loss: the network itself is smooth.
   chain_rule_defect: distance between the gradient through the definition of L and through the meta-features; zero: zero *)
Definition smooth_network_s2 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  chain_rule_defect P = zero P.

(* smooth-network-s3: Step S3: stationarity. Along any direction of the ball, L changes at rate at most R eps.
   differentiable-adaptation: No prediction on a joint of the loss: the network itself is smooth.
   direction: derivative of L at omega in the direction v, by Taylor arithmetic; radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L *)
Definition smooth_network_s3 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  direction P <= radius P * eps P.

(* smooth-network-s4: Step S4: Cauchy-Schwarz. The weighted residual is at most the norm of w times the norm of the residual.
   differentiable-adaptation: No prediction on a joint of the loss: the network itself is smooth.
   inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; residual_norm: norm of the misfit at the direction v *)
Definition smooth_network_s4 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  inner_product P <= weight_norm P * residual_norm P.

(* smooth-network-lifted: Optimality gap, lifted form. At any omega the gap to any comparator is at most R times the gradient norm plus the norm of w times the best approximation of the displacement by meta-features of norm at most R.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: No prediction on a joint of the loss: the network itself is smooth.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's *)
Definition smooth_network_lifted (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  gap P <= radius P * eps P + weight_norm P * misfit P.

(* smooth-network-l1: Optimality gap, L1 form without a radius. The same without Cauchy-Schwarz and without choosing R: never larger than the lifted bound.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: No prediction on a joint of the loss: the network itself is smooth.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius *)
Definition smooth_network_l1 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  gap P <= misfit_l1 P.

(* smooth-network-first-order: First-order MAML's own theorem, smooth networks. With FOMAML's gradient as eps and the features phi_{W_i} the bound holds exactly, without a bias term.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps_first_order: norm of FOMAML's gradient sum_i q_i grad R_i(omega_i); weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit_plain: misfit by the plain features phi *)
Definition smooth_network_first_order (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  gap P <= radius P * eps_first_order P + weight_norm P * misfit_plain P.

(* smooth-network-c4: C4: strongly convex refinement, smooth networks. Strong convexity on the segments subtracts (mu/2) ||u||^2 from the lifted bound.
   differentiable-adaptation: No prediction on a joint of the loss: the network itself is smooth.; strong-convexity: ell'' >= mu > 0 on the segments between adapted and comparator predictions.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's; strong_convexity: smallest ell'' on the segments between adapted and comparator predictions; function_displacement: norm of the displacement u: the misfit of v = 0, so the most that it can be *)
Definition smooth_network_c4 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  assume_strong_convexity P ->
  gap P <= radius P * eps P + weight_norm P * misfit P - strong_convexity P * function_displacement P ^+ 2 / 2%:R.

(* smooth-network-refined: Optimality gap, lifted form with its Bregman divergence, smooth networks. The lifted bound minus the Bregman divergence, which S1 gives away. Nothing need be convex.
   differentiable-adaptation: No prediction on a joint of the loss: the network itself is smooth.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's; bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)] *)
Definition smooth_network_refined (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  gap P <= radius P * eps P + weight_norm P * misfit P - bregman P.

(* smooth-network-refined-l1: Optimality gap, L1 form with its Bregman divergence, smooth networks. The L1 form minus the Bregman divergence: the smallest of these bounds. Nothing need be convex.
   differentiable-adaptation: No prediction on a joint of the loss: the network itself is smooth.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius; bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)] *)
Definition smooth_network_refined_l1 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  gap P <= misfit_l1 P - bregman P.

(* smooth-network-c3: C3: over-parameterised networks interpolate, smooth networks. If the meta-features over all (task, input) pairs are linearly independent, the gap over all functions is at most eps times the norm of the shortest representation.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: No prediction on a joint of the loss: the network itself is smooth.; full-row-rank: The meta-features over all (task, input) pairs are linearly independent.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; min_norm_solution: norm of the shortest v with phi_i(x)'v = u_i(x) everywhere *)
Definition smooth_network_c3 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  assume_full_row_rank P ->
  gap P <= eps P * min_norm_solution P.

(* any-model-identity: Exact identity. gap plus Bregman divergence equals the derivative of L along v plus the weighted residual, for every direction v and every comparator.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); bregman: total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)]; inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; direction: derivative of L at omega in the direction v, by Taylor arithmetic *)
Definition any_model_identity (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  gap P + bregman P = inner_product P + direction P.

(* any-model-s1: Step S1: functional geometry. The gap is at most the pairing of the functional gradient with the displacement.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); pairing: sum_i q_i E[w_i u_i] *)
Definition any_model_s1 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  gap P <= pairing P.

(* any-model-s2: Step S2: chain rule. The gradient of the meta-objective is the functional gradient paired with the meta-features.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   chain_rule_defect: distance between the gradient through the definition of L and through the meta-features; zero: zero *)
Definition any_model_s2 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  chain_rule_defect P = zero P.

(* any-model-s3: Step S3: stationarity. Along any direction of the ball, L changes at rate at most R eps.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   direction: derivative of L at omega in the direction v, by Taylor arithmetic; radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L *)
Definition any_model_s3 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  direction P <= radius P * eps P.

(* any-model-s4: Step S4: Cauchy-Schwarz. The weighted residual is at most the norm of w times the norm of the residual.
   differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; residual_norm: norm of the misfit at the direction v *)
Definition any_model_s4 (R : realType) : Prop := forall P : problem R,
  assume_differentiable_adaptation P ->
  inner_product P <= weight_norm P * residual_norm P.

(* any-model-lifted: Optimality gap, lifted form. At any omega the gap to any comparator is at most R times the gradient norm plus the norm of w times the best approximation of the displacement by meta-features of norm at most R.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's *)
Definition any_model_lifted (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  gap P <= radius P * eps P + weight_norm P * misfit P.

(* any-model-l1: Optimality gap, L1 form without a radius. The same without Cauchy-Schwarz and without choosing R: never larger than the lifted bound.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius *)
Definition any_model_l1 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  gap P <= misfit_l1 P.

(* any-model-first-order: First-order MAML's own theorem. With FOMAML's gradient as eps and the features of the adapted model the bound holds exactly, without a bias term.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps_first_order: norm of FOMAML's gradient sum_i q_i grad R_i(omega_i); weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit_plain: misfit by the plain features phi *)
Definition any_model_first_order (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  gap P <= radius P * eps_first_order P + weight_norm P * misfit_plain P.

(* any-model-c3: C3: over-parameterised models, any model. If the meta-features over all (task, input) pairs are linearly independent, the gap over all functions is at most eps times the norm of the shortest representation.
   outer-convexity: The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).; differentiable-adaptation: U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.; full-row-rank: The meta-features over all (task, point, component) are linearly independent.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; min_norm_solution: norm of the shortest v with phi_i(x)'v = u_i(x) everywhere *)
Definition any_model_c3 (R : realType) : Prop := forall P : problem R,
  assume_outer_convexity P ->
  assume_differentiable_adaptation P ->
  assume_full_row_rank P ->
  gap P <= eps P * min_norm_solution P.
