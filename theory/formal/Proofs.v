(* Each statement has its proof: the theorems of Core, Convexity and Rank hold for any model and any adaptation, those of
   Returns for any policies, those of Linear and Mixed for linear models. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From Metagap Require Import Definitions Statements Core Convexity Rank.
From Metagap Require LinearStatements Linear OneTask Mixed DecisionStatements Returns PolicyStepStatements PolicySteps.

Theorem meta_sl_identity R : Statements.meta_sl_identity R. Proof. by move=> P; exact: identity. Qed.
Theorem meta_sl_s1 R : Statements.meta_sl_s1 R. Proof. by move=> P; exact: gap_le. Qed.
Theorem meta_sl_s2 R : Statements.meta_sl_s2 R. Proof. by move=> P; exact: s2. Qed.
Theorem meta_sl_s3 R : Statements.meta_sl_s3 R. Proof. by move=> P; exact: s3. Qed.
Theorem meta_sl_s4 R : Statements.meta_sl_s4 R. Proof. by move=> P _; exact: s4. Qed.
Theorem meta_sl_lifted R : Statements.meta_sl_lifted R. Proof. by move=> P; exact: lifted. Qed.
Theorem meta_sl_l1 R : Statements.meta_sl_l1 R. Proof. by move=> P; exact: l1. Qed.
Theorem meta_sl_first_order R : Statements.meta_sl_first_order R. Proof. by move=> P; exact: first_order. Qed.
Theorem meta_sl_c3 R : Statements.meta_sl_c3 R. Proof. by move=> P; exact: c3. Qed.
Theorem meta_sl_c4 R : Statements.meta_sl_c4 R. Proof. by move=> P; exact: c4. Qed.
Theorem meta_sl_refined R : Statements.meta_sl_refined R. Proof. by move=> P; exact: refined. Qed.
Theorem meta_sl_refined_l1 R : Statements.meta_sl_refined_l1 R. Proof. by move=> P; exact: refined_l1. Qed.

Theorem meta_sl_c1 R : LinearStatements.meta_sl_c1 R. Proof. by move=> P; exact: Linear.c1. Qed.
Theorem meta_sl_c5 R : LinearStatements.meta_sl_c5 R. Proof. by move=> P; exact: Linear.c5. Qed.
Theorem meta_sl_c7 R : LinearStatements.meta_sl_c7 R. Proof. by move=> P; exact: OneTask.c7. Qed.
Theorem meta_sl_mixed R : LinearStatements.meta_sl_mixed R. Proof. by move=> P; exact: Mixed.mixed. Qed.
Theorem meta_sl_mixed_l1 R : LinearStatements.meta_sl_mixed_l1 R. Proof. by move=> P; exact: Mixed.mixed_l1. Qed.
Theorem meta_rl_identity R : DecisionStatements.meta_rl_identity R. Proof. by move=> P; exact: Returns.identity. Qed.
Theorem meta_rl_s1 R : DecisionStatements.meta_rl_s1 R. Proof. by move=> P; exact: Returns.s1. Qed.
Theorem meta_rl_s2 R : DecisionStatements.meta_rl_s2 R. Proof. by move=> P; exact: Returns.s2. Qed.
Theorem meta_rl_s3 R : DecisionStatements.meta_rl_s3 R. Proof. by move=> P; exact: Returns.s3. Qed.
Theorem meta_rl_s4 R : DecisionStatements.meta_rl_s4 R. Proof. by move=> P _; exact: Returns.s4. Qed.
Theorem meta_rl_lifted R : DecisionStatements.meta_rl_lifted R. Proof. by move=> P; exact: Returns.lifted. Qed.
Theorem meta_rl_l1 R : DecisionStatements.meta_rl_l1 R. Proof. by move=> P; exact: Returns.l1. Qed.
Theorem meta_rl_network_identity R : DecisionStatements.meta_rl_network_identity R.
Proof. by move=> P pos _; exact: Returns.identity. Qed.
Theorem meta_rl_network_s2 R : DecisionStatements.meta_rl_network_s2 R.
Proof. by move=> P pos _; exact: Returns.s2. Qed.
Theorem meta_rl_network_s3 R : DecisionStatements.meta_rl_network_s3 R.
Proof. by move=> P pos _; exact: Returns.s3. Qed.
Theorem meta_rl_network_s4 R : DecisionStatements.meta_rl_network_s4 R.
Proof. by move=> P _ _; exact: Returns.s4. Qed.
Theorem meta_rl_network_lifted R : DecisionStatements.meta_rl_network_lifted R.
Proof. by move=> P pos _; exact: Returns.lifted. Qed.
Theorem meta_rl_network_l1 R : DecisionStatements.meta_rl_network_l1 R.
Proof. by move=> P pos _; exact: Returns.l1. Qed.
Theorem meta_rl_constant R : DecisionStatements.meta_rl_constant R. Proof. by move=> P; exact: Returns.constant. Qed.
Theorem meta_rl_t3b R : DecisionStatements.meta_rl_t3b R. Proof. by move=> P; exact: Returns.t3b. Qed.
Theorem meta_rl_t3a R : PolicyStepStatements.meta_rl_t3a R. Proof. by move=> P; exact: PolicySteps.t3a. Qed.
Theorem meta_rl_t3a_rational R : PolicyStepStatements.meta_rl_t3a_rational R.
Proof. by move=> P; exact: PolicySteps.t3a_rational. Qed.
Theorem meta_rl_t3a_improvement R : PolicyStepStatements.meta_rl_t3a_improvement R.
Proof. by move=> P; exact: PolicySteps.t3a_improvement. Qed.
