package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
)

// savePlan writes a plan to a file, whole or not at all. There is no secret in
// it, but much to learn about the clusters: only the user may read it.
func savePlan(file string, p *apply.Plan) error {
	b, err := p.Save()
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".plan-*")
	if err != nil {
		return fmt.Errorf("save the plan to %s: %w", file, cause(err))
	}
	defer os.Remove(tmp.Name()) // gone already when all went well
	_, err = tmp.Write(append(b, '\n'))
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("save the plan to %s: %w", file, cause(err))
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
	stale := saved.Stale(now)
	if len(stale) == 0 {
		return nil
	}
	msg := fmt.Sprintf("the plan in %s is not what would be done now:", file)
	for _, line := range stale {
		msg += "\n  " + line
	}
	return withHint(fmt.Errorf("%s", msg), "setup-mesh plan --out "+file+", and read it again")
}
