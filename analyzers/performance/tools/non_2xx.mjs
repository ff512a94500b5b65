// Request generator for loadtest, which takes 3xx for a success: what is no 2xx reaches it as an error.
export default function request(options, params, send, callback) {
	return send(params, answer => {
		if (answer.statusCode >= 300 && answer.statusCode < 400) {
			answer.statusCode += 300
		}
		callback(answer)
	})
}
