package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// savePlan writes a plan to a file. There is no secret in it, but much to learn
// about the clusters: only the user may read it.
func savePlan(file string, p *plan.Plan) error {
	b, err := p.Save()
	if err != nil {
		return err
	}
	if err := workdir.WriteFile(file, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	return nil
}

// checkSaved compares a saved plan with what would be done now.
func checkSaved(file string, now *plan.Plan) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	saved, err := plan.ParseSaved(b)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if stale := saved.Stale(now); len(stale) > 0 {
		return &outdatedError{file, stale}
	}
	return nil
}

// An outdatedError is about a saved plan that is not what would be done now.
type outdatedError struct {
	file        string
	differences []string
}

func (e *outdatedError) Error() string {
	return strings.Join(append([]string{"the plan in " + e.file + " is out of date:"}, e.differences...), "\n  ")
}

// Remedy is how to get a plan that is.
func (e *outdatedError) Remedy() string {
	return "setup-mesh plan --out " + e.file + ", and review the new plan"
}
