(* Made from theory/ by `python -m metagap.reports.readme`: what the claims say. Do not edit. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From Metagap Require Import DecisionDefinitions.
Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

(* meta-rl-identity: Exact identity. The gap equals the derivative of L along v plus the weighted residual, for every direction v and all comparator policies.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; direction: derivative of L at omega in the direction v, by Taylor arithmetic *)
Definition meta_rl_identity (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  gap P = inner_product P + direction P.

(* meta-rl-s1: Step S1: performance difference. The gap is the pairing of the advantages with the displacement: an equality, where meta-SL has an inequality by convexity.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); pairing: sum_i q_i E[w_i u_i] *)
Definition meta_rl_s1 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  gap P = pairing P.

(* meta-rl-s2: Step S2: chain rule. The gradient of the meta-objective is the functional gradient paired with the meta-features.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   chain_rule_defect: distance between the gradient through the definition of L and through the meta-features; zero: zero *)
Definition meta_rl_s2 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  chain_rule_defect P = zero P.

(* meta-rl-s3: Step S3: stationarity. Along any direction of the ball, L changes at rate at most R eps.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   direction: derivative of L at omega in the direction v, by Taylor arithmetic; radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L *)
Definition meta_rl_s3 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  direction P <= radius P * eps P.

(* meta-rl-s4: Step S4: Cauchy-Schwarz. The weighted residual is at most the norm of w times the norm of the residual.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; residual_norm: norm of the misfit at the direction v *)
Definition meta_rl_s4 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  inner_product P <= weight_norm P * residual_norm P.

(* meta-rl-lifted: Optimality gap, lifted form. At any omega the gap to any comparator is at most R times the gradient norm plus the norm of w times the best approximation of the displacement of visitations by meta-features of norm at most R.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's *)
Definition meta_rl_lifted (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  gap P <= radius P * eps P + weight_norm P * misfit P.

(* meta-rl-l1: Optimality gap, L1 form without a radius. The same without Cauchy-Schwarz and without choosing R: never larger than the lifted bound.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius *)
Definition meta_rl_l1 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  gap P <= misfit_l1 P.

(* meta-rl-constant: A priori constant of the lifted form. The norm of w is at most that of half the spans of the rewards over 1 - gamma_i.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; weight_bound: (sum_i q_i (span r_i / (2(1-gamma_i)))^2)^{1/2} *)
Definition meta_rl_constant (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  weight_norm P <= weight_bound P.

(* meta-rl-t3b: T3b: cap by optimal policies. L is at most the mean of the tasks' optimal returns.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   adapted_return: mean return of the adapted policies: L(omega); optimal_return: mean of the tasks' optimal returns *)
Definition meta_rl_t3b (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  adapted_return P <= optimal_return P.

(* meta-rl-network-identity: Exact identity. The gap equals the derivative of L along v plus the weighted residual, for every direction v and all comparator policies.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.; differentiable-adaptation: No neuron is at its kink at an input x(s,a) != 0 of a visited state.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; direction: derivative of L at omega in the direction v, by Taylor arithmetic *)
Definition meta_rl_network_identity (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  assume_differentiable_adaptation P ->
  gap P = inner_product P + direction P.

(* meta-rl-network-s1: Step S1: performance difference. The gap is the pairing of the advantages with the displacement: an equality, where meta-SL has an inequality by convexity.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); pairing: sum_i q_i E[w_i u_i] *)
Definition meta_rl_network_s1 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  gap P = pairing P.

(* meta-rl-network-s2: Step S2: chain rule. The gradient of the meta-objective is the functional gradient paired with the meta-features.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.; differentiable-adaptation: No neuron is at its kink at an input x(s,a) != 0 of a visited state.
   chain_rule_defect: distance between the gradient through the definition of L and through the meta-features; zero: zero *)
Definition meta_rl_network_s2 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  assume_differentiable_adaptation P ->
  chain_rule_defect P = zero P.

(* meta-rl-network-s3: Step S3: stationarity. Along any direction of the ball, L changes at rate at most R eps.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.; differentiable-adaptation: No neuron is at its kink at an input x(s,a) != 0 of a visited state.
   direction: derivative of L at omega in the direction v, by Taylor arithmetic; radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L *)
Definition meta_rl_network_s3 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  assume_differentiable_adaptation P ->
  direction P <= radius P * eps P.

(* meta-rl-network-s4: Step S4: Cauchy-Schwarz. The weighted residual is at most the norm of w times the norm of the residual.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.; differentiable-adaptation: No neuron is at its kink at an input x(s,a) != 0 of a visited state.
   inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; residual_norm: norm of the misfit at the direction v *)
Definition meta_rl_network_s4 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  assume_differentiable_adaptation P ->
  inner_product P <= weight_norm P * residual_norm P.

(* meta-rl-network-lifted: Optimality gap, lifted form. At any omega the gap to any comparator is at most R times the gradient norm plus the norm of w times the best approximation of the displacement of visitations by meta-features of norm at most R.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.; differentiable-adaptation: No neuron is at its kink at an input x(s,a) != 0 of a visited state.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's *)
Definition meta_rl_network_lifted (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  assume_differentiable_adaptation P ->
  gap P <= radius P * eps P + weight_norm P * misfit P.

(* meta-rl-network-l1: Optimality gap, L1 form without a radius. The same without Cauchy-Schwarz and without choosing R: never larger than the lifted bound.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.; differentiable-adaptation: No neuron is at its kink at an input x(s,a) != 0 of a visited state.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius *)
Definition meta_rl_network_l1 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  assume_differentiable_adaptation P ->
  gap P <= misfit_l1 P.

(* meta-rl-smooth-network-identity: Exact identity. The gap equals the derivative of L along v plus the weighted residual, for every direction v and all comparator policies.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; direction: derivative of L at omega in the direction v, by Taylor arithmetic *)
Definition meta_rl_smooth_network_identity (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  gap P = inner_product P + direction P.

(* meta-rl-smooth-network-s1: Step S1: performance difference. The gap is the pairing of the advantages with the displacement: an equality, where meta-SL has an inequality by convexity.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); pairing: sum_i q_i E[w_i u_i] *)
Definition meta_rl_smooth_network_s1 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  gap P = pairing P.

(* meta-rl-smooth-network-s2: Step S2: chain rule. The gradient of the meta-objective is the functional gradient paired with the meta-features.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   chain_rule_defect: distance between the gradient through the definition of L and through the meta-features; zero: zero *)
Definition meta_rl_smooth_network_s2 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  chain_rule_defect P = zero P.

(* meta-rl-smooth-network-s3: Step S3: stationarity. Along any direction of the ball, L changes at rate at most R eps.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   direction: derivative of L at omega in the direction v, by Taylor arithmetic; radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L *)
Definition meta_rl_smooth_network_s3 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  direction P <= radius P * eps P.

(* meta-rl-smooth-network-s4: Step S4: Cauchy-Schwarz. The weighted residual is at most the norm of w times the norm of the residual.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   inner_product: sum_i q_i E[w_i (u_i - phi_i' v)]; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; residual_norm: norm of the misfit at the direction v *)
Definition meta_rl_smooth_network_s4 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  inner_product P <= weight_norm P * residual_norm P.

(* meta-rl-smooth-network-lifted: Optimality gap, lifted form. At any omega the gap to any comparator is at most R times the gradient norm plus the norm of w times the best approximation of the displacement of visitations by meta-features of norm at most R.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); radius: radius of the ball of directions; > 0; eps: ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L; weight_norm: norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) = A_i(s,a)/(1-gamma_i), the advantages of the adapted policy; misfit: how well the meta-features represent the displacement u_i = h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and policies to omega's *)
Definition meta_rl_smooth_network_lifted (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  gap P <= radius P * eps P + weight_norm P * misfit P.

(* meta-rl-smooth-network-l1: Optimality gap, L1 form without a radius. The same without Cauchy-Schwarz and without choosing R: never larger than the lifted bound.
   positive-policy: The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.
   gap: by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus L(omega); misfit_l1: the bound before Cauchy-Schwarz; needs no radius *)
Definition meta_rl_smooth_network_l1 (R : realType) : Prop := forall P : decision_problem R,
  assume_positive_policy P ->
  gap P <= misfit_l1 P.
