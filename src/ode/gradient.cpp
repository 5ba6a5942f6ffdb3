#include "ode/gradient.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace odenet::ode {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;
using torch::autograd::Variable;

// The problem's f for a state of one tensor.
Slope slope_of(const std::shared_ptr<Field>& field) {
  return [field](const State& z, const Evaluation& at) { return State{field->slope(z.front(), at)}; };
}

Slope counted(Slope slope, int64_t& evaluations) {
  return [slope = std::move(slope), &evaluations](const State& z, const Evaluation& at) {
    ++evaluations;
    return slope(z, at);
  };
}

// A computation's result, and gradients with respect to the state that it began with and to the field's parameters.
struct Pulled {
  State result, state;
  tensor_list parameters;
};

// The parameters that want a gradient, and their gradients, summed over the pieces of an integration.
class ParameterGradients {
 public:
  explicit ParameterGradients(tensor_list parameters) : parameters_(std::move(parameters)) {
    for (const Tensor& p : parameters_)
      if (p.requires_grad()) wanted_.push_back(p);
    sums_.resize(wanted_.size());
  }

  const tensor_list& wanted() const { return wanted_; }

  void add(const tensor_list& gradients) {
    for (size_t i = 0; i < sums_.size(); ++i)
      if (gradients[i].defined()) sums_[i] = sums_[i].defined() ? sums_[i] + gradients[i] : gradients[i];
  }

  // One for every parameter, undefined where none is wanted.
  tensor_list all() const {
    tensor_list result;
    size_t next = 0;
    for (const Tensor& p : parameters_) result.push_back(p.requires_grad() ? sums_[next++] : Tensor());
    return result;
  }

 private:
  tensor_list parameters_, wanted_, sums_;
};

// The gradients of sum_i <cotangents_i, run(inputs)_i>. An undefined cotangent is zero, and so is an undefined
// gradient.
Pulled pull_back(const std::function<State(const State&)>& run, const State& inputs, const tensor_list& parameters,
                 const State& cotangents) {
  tensor_list wanted;
  for (const Tensor& input : inputs) wanted.push_back(input.detach().requires_grad_());
  Pulled pulled;
  State results, weights;
  {
    const torch::AutoGradMode enabled(true);
    const State outputs = run(wanted);
    for (size_t i = 0; i < outputs.size(); ++i) {
      pulled.result.push_back(outputs[i].detach());
      if (!cotangents[i].defined() || !outputs[i].requires_grad()) continue;
      results.push_back(outputs[i]);
      weights.push_back(cotangents[i]);
    }
  }
  wanted.insert(wanted.end(), parameters.begin(), parameters.end());
  tensor_list gradients(wanted.size());
  if (!results.empty())
    gradients = torch::autograd::grad(results, wanted, weights, /*retain_graph=*/false, /*create_graph=*/false,
                                      /*allow_unused=*/true);
  const auto middle = gradients.begin() + static_cast<ptrdiff_t>(inputs.size());
  pulled.state.assign(gradients.begin(), middle);
  pulled.parameters.assign(middle, gradients.end());
  return pulled;
}

// What the backward pass of one solve needs beside tensors.
struct Solve : torch::CustomClassHolder {
  explicit Solve(Problem p) : problem(std::move(p)) {}

  Problem problem;
  std::vector<TimeStep> steps = {};  // that were taken
};

Integrated integrate_forward(Solve& solve, const Tensor& z, IntegrateHooks hooks = {}) {
  const Problem& problem = solve.problem;
  hooks.on_trial = [&](const TimeStep& step, bool accepted) { problem.field->judge(step.time, accepted); };
  Integrated result = integrate(problem.plan, slope_of(problem.field), {z}, hooks);
  if (problem.work) problem.work->forward += result.statistics;
  require_done(result, problem.plan);
  problem.field->finish();
  solve.steps = result.steps;
  return result;
}

// The steps that were taken, again.
State replay(const Solve& solve, const Stepper& stepper, const State& z) {
  State state = stepper.begin(z, solve.problem.plan.start, Pass::kReplay);
  for (const TimeStep& step : solve.steps) state = stepper.step(state, step, Pass::kReplay);
  return state;
}

// The backward pass of one solve: from the gradient of z(end) to that of z(start), adding up those of the parameters.
class Backward {
 public:
  explicit Backward(const Solve& solve)
      : solve_(solve),
        plan_(solve.problem.plan),
        stepper_(*plan_.solver, counted(slope_of(solve.problem.field), work_.evaluations)),
        parameters_(solve.problem.field->parameters()) {}

  // `kept`: the tensors that the forward pass kept, see keep().
  Tensor run(const tensor_list& kept, const Tensor& end) {
    switch (solve_.problem.gradient) {
      case Gradient::kAnode:
        return anode(kept.front(), end);
      case Gradient::kAca:
        return aca(kept, end);
      case Gradient::kMali:
        return mali(kept, end);
      case Gradient::kAdjoint:
        return adjoint(kept.front(), end);
      case Gradient::kBackprop:
        break;  // is LibTorch's own
    }
    throw Error("gradient method {} has no backward pass of its own", row_of(solve_.problem.gradient).name);
  }

  tensor_list parameters() const { return parameters_.all(); }
  const Statistics& work() const { return work_; }

 private:
  Tensor anode(const Tensor& start, const Tensor& end) {
    return pull_back([&](const State& z) { return replay(solve_, stepper_, z); }, {start}, padded(end)).front();
  }

  Tensor aca(const tensor_list& kept, const Tensor& end) {
    const size_t parts = padded(end).size();
    State cotangents = padded(end);
    for (size_t i = solve_.steps.size(); i-- > 0;) {
      const auto state = kept.begin() + static_cast<ptrdiff_t>(i * parts);
      cotangents = through_step(solve_.steps[i], {state, state + static_cast<ptrdiff_t>(parts)}, cotangents);
    }
    return through_begin(kept.front(), cotangents);
  }

  Tensor mali(State state, const Tensor& end) {
    State cotangents = padded(end);
    for (size_t i = solve_.steps.size(); i-- > 0;) {
      state = stepper_.undo(state, solve_.steps[i], Pass::kReplay);
      cotangents = through_step(solve_.steps[i], state, cotangents);
    }
    return through_begin(state.front(), cotangents);
  }

  // With a = dL/dz: z' = f, a' = -a df/dz, g' = -a df/dp, solved from the end, where g = 0, to the start, where g is
  // dL/dp. Adaptive steps compare the error of a with absolute tolerances, too, so they take it in units of its size at
  // the end, or the loss's scale would choose them: the equation is linear in a.
  Tensor adjoint(const Tensor& z_end, const Tensor& end) {
    const tensor_list& wanted = parameters_.wanted();
    const double unit = plan_.adaptive() ? power_of_two(end) : 1;
    State state{z_end, end / unit};
    for (const Tensor& p : wanted) state.push_back(torch::zeros_like(p));
    const auto field = slope_of(solve_.problem.field);
    const Slope slope = [&](const State& augmented, const Evaluation& at) {
      const Evaluation repeated{.time = at.time, .index = 0, .pass = Pass::kReplay};
      Pulled pulled =
          ode::pull_back([&](const State& z) { return field(z, repeated); }, {augmented[0]}, wanted, {augmented[1]});
      State result{pulled.result.front(), minus(pulled.state.front(), augmented[1])};
      for (size_t i = 0; i < wanted.size(); ++i) result.push_back(minus(pulled.parameters[i], wanted[i]));
      return result;
    };
    Integration plan = plan_;
    std::swap(plan.start, plan.end);
    if (plan.adaptive()) {
      plan.control.controlled = 2;  // z and a; an error of g acts on nothing else
      plan.control.priority = {};
    }
    const Integrated result = integrate(plan, slope, state, {.pass = Pass::kReplay});
    work_ += result.statistics;
    require_done(result, plan);
    tensor_list gradients;
    for (size_t i = 0; i < wanted.size(); ++i) gradients.push_back(result.state[2 + i] * unit);
    parameters_.add(gradients);
    return result.state[1] * unit;
  }

  // Next to the root of the values' mean square, so that a division by it rounds nothing; 1 of zeros, and of what is
  // not finite.
  static double power_of_two(const Tensor& values) {
    const double size = values.to(torch::kFloat64).square().mean().sqrt().item<double>();
    return std::isnormal(static_cast<float>(size)) ? std::exp2(std::round(std::log2(size))) : 1;
  }

  // The gradient of the state after the last step: of z, and none of the leapfrog's v.
  State padded(const Tensor& end) const { return plan_.solver->leapfrog() ? State{end, Tensor()} : State{end}; }

  State pull_back(const std::function<State(const State&)>& run, const State& inputs, const State& cotangents) {
    Pulled pulled = ode::pull_back(run, inputs, parameters_.wanted(), cotangents);
    parameters_.add(pulled.parameters);
    return std::move(pulled.state);
  }

  State through_step(const TimeStep& step, const State& before, const State& cotangents) {
    ++work_.trials;
    ++work_.accepted;
    return pull_back([&](const State& state) { return stepper_.step(state, step, Pass::kReplay); }, before, cotangents);
  }

  // What the start of the leapfrog, v = f(start, z), contributes.
  Tensor through_begin(const Tensor& start, const State& cotangents) {
    if (!plan_.solver->leapfrog()) return cotangents.front();
    return pull_back([&](const State& z) { return stepper_.begin(z, plan_.start, Pass::kReplay); }, {start}, cotangents)
        .front();
  }

  static Tensor minus(const Tensor& gradient, const Tensor& like) {
    return gradient.defined() ? -gradient : torch::zeros_like(like);
  }

  const Solve& solve_;
  const Integration& plan_;
  Statistics work_;
  const Stepper stepper_;
  ParameterGradients parameters_;
};

class SolveFunction : public torch::autograd::Function<SolveFunction> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& z, at::TensorList parameters,
                          const c10::intrusive_ptr<Solve>& solve) {
    const Gradient gradient = solve->problem.gradient;
    tensor_list kept;
    IntegrateHooks hooks;
    if (gradient == Gradient::kAca)
      hooks.on_step = [&](const State& before, const TimeStep&) {
        kept.insert(kept.end(), before.begin(), before.end());
      };
    const Integrated result = integrate_forward(*solve, z, hooks);
    if (gradient == Gradient::kAnode) kept = {z};
    if (gradient == Gradient::kMali) kept = result.state;
    if (gradient == Gradient::kAdjoint) kept = {result.state.front()};
    // The parameters only for the check that nobody changed them in between.
    kept.insert(kept.end(), parameters.begin(), parameters.end());
    ctx->save_for_backward(kept);
    ctx->saved_data["solve"] = c10::IValue::make_capsule(solve);
    return result.state.front();
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list gradients) {
    if (torch::GradMode::is_enabled())
      throw Error("a second derivative is asked of a gradient method that gives the first only; take backprop");
    const auto solve = c10::static_intrusive_pointer_cast<Solve>(ctx->saved_data["solve"].toCapsule());
    Backward pass(*solve);
    tensor_list kept = ctx->get_saved_variables();
    kept.resize(kept.size() - pass.parameters().size());
    tensor_list result{pass.run(kept, gradients.front())};
    if (solve->problem.work) solve->problem.work->backward += pass.work();
    for (const Tensor& gradient : pass.parameters()) result.push_back(gradient);
    result.emplace_back();  // of `solve`
    return result;
  }
};

bool wants_gradient(const tensor_list& parameters, const Tensor& z) {
  return torch::GradMode::is_enabled() &&
         (z.requires_grad() || std::ranges::any_of(parameters, [](const Tensor& p) { return p.requires_grad(); }));
}

}  // namespace

Tensor solve(const Problem& problem, const Tensor& z) {
  validate(problem.plan);
  check_pair(problem.gradient, *problem.plan.solver);
  const tensor_list parameters = problem.field->parameters();
  const auto state = c10::make_intrusive<Solve>(problem);
  const bool differentiable = wants_gradient(parameters, z);
  if (differentiable && problem.gradient != Gradient::kBackprop)
    return SolveFunction::apply(z, at::TensorList(parameters), state);
  return integrate_forward(*state, z).state.front();  // rejected trials' graphs end with them
}

}  // namespace odenet::ode
