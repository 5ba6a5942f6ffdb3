// The solution of z' = f(t, z) as a differentiable function of z(start) and of the field's parameters.
//
//   const auto field = std::make_shared<MyField>();                       // ode/field.h
//   torch::Tensor end = solve({.field = field, .plan = {.solver = &find_solver("rk4"), .steps = 8},
//                              .gradient = Gradient::kAca}, z);
//   end.sum().backward();
//
// The methods differ in what the forward pass keeps, in evaluations, and in whether the gradient is that of the steps
// that were taken ("exact") or that of the equation, solved backwards by steps of its own. With M steps of s
// evaluations each, and A for the memory that the backward pass of one evaluation needs:
//
//   backprop  exact  keeps M s A                evaluates M s
//   anode     exact  keeps z(start); M s A in the backward pass of this solve only       2 M s
//   aca       exact  keeps M states; s A in the backward pass                            2 M s
//   mali      exact  keeps 2 states; A in the backward pass; of the leapfrog only        3 M
//   adjoint   not    keeps z(end); A in the backward pass                                2 M s
//
// Exact ones give the gradient of what was computed, to rounding; mali's states, computed backwards, round differently.
// The adjoint's error is that of the solver's order in the step: with few steps, and Euler above all, training with it
// may fail. Sources: ANODE (A. Gholami et al., 2019), ACA (J. Zhuang et al., 2020), MALI (J. Zhuang et al., 2021),
// adjoint (R. T. Q. Chen et al., 2018), with the parameters' part left out of its error norm (P. Kidger et al., 2021).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "ode/field.h"
#include "ode/gradient_method.h"
#include "ode/integrate.h"

namespace odenet::ode {

struct Work {
  Statistics forward, backward;
};

struct Problem {
  std::shared_ptr<Field> field;
  Integration plan;
  Gradient gradient = Gradient::kBackprop;
  std::shared_ptr<Work> work = nullptr;  // what solve() did, and its backward pass, is added to this
};

// Errors: an unsound pair of solver and method, an adaptive integration that does not reach its end.
torch::Tensor solve(const Problem& problem, const torch::Tensor& z);

}  // namespace odenet::ode
