package view

import "io"

// RevocationStep says what the apply that follows is for.
func RevocationStep(w io.Writer, cluster string, listed, now bool) {
	switch {
	case !listed:
		say(w, "\nStep 1 of 2: %s gets another CA, and its workloads other certificates", cluster)
	case now:
		say(w, "\nStep 2 of 2: revocation lists go to all clusters; workloads of %s without a new certificate are cut off", cluster)
	default:
		say(w, "\nStep 2 of 2: once no workload has a certificate of the old CA, revocation lists go to all clusters")
	}
}

// RevocationStopped says how to go on.
func RevocationStopped(w io.Writer, cluster string, listed bool) {
	if listed {
		say(w, "The lists are not in all clusters. Go on: setup-mesh apply")
		return
	}
	say(w, "Nothing is revoked yet. Go on: setup-mesh certs revoke-ca --cluster %s", cluster)
}

// Revoked says what is so now.
func Revoked(w io.Writer, cluster string) {
	say(w, "\nThe old CA of %s is revoked in all clusters. Connections that were there before stay until they end.", cluster)
}
