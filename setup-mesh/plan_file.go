package main

import (
	"fmt"
	"os"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// savePlan writes a plan to a file. There is no secret in
// it, but much to learn about the clusters: only the user may read it.
func savePlan(file string, p *apply.Plan) error {
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
func checkSaved(file string, now *apply.Plan) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the plan in %s: %w", file, cause(err))
	}
	saved, err := apply.ParseSaved(b)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	stale, err := saved.Stale(now)
	if err != nil || len(stale) == 0 {
		return err
	}
	msg := fmt.Sprintf("the plan in %s is not what would be done now:", file)
	for _, line := range stale {
		msg += "\n  " + line
	}
	return withHint(fmt.Errorf("%s", msg), "setup-mesh plan --out "+file+", and read it again")
}
