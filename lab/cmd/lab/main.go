// Command lab runs Kubernetes clusters with real istiods as ordinary processes on loopback.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/proc"
	"github.com/setup-mesh/setup-mesh/lab/internal/supervisor"
)

func main() { os.Exit(run(os.Args)) }

// run tells the program's roles apart: the command line, and the two that the lab starts itself.
func run(args []string) int {
	if len(args) > 2 && args[1] == proc.GuardCommand {
		return proc.Guard(args[2:])
	}
	if len(args) == 2 && args[1] == lab.SuperviseCommand {
		if err := supervisor.Run(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := app().RunContext(ctx, args); err != nil {
		printError(err)
		return 1
	}
	return 0
}

func printError(err error) {
	fmt.Fprintf(os.Stderr, "lab: error: %v\n", err)
	switch {
	case errors.Is(err, lab.ErrNotBuilt):
		fmt.Fprintln(os.Stderr, "lab: hint: the first lab build takes 10 to 15 minutes")
	case errors.Is(err, os.ErrNotExist):
		fmt.Fprintln(os.Stderr, "lab: hint: lab up starts one; --name or --dir says which")
	}
}
