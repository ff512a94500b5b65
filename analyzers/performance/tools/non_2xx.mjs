// Request generator for loadtest, which takes 3xx for a success: what is no 2xx reaches it as an error.
// A kept connection that the server closed while it was idle is no error of the app (RFC 9112, 9.3.1):
// the request is sent once more on a new one.
export default function request(options, params, send, callback) {
	const told = answer => {
		if (answer.statusCode >= 300 && answer.statusCode < 400) {
			answer.statusCode += 300
		}
		callback(answer)
	}
	const first = send(params, told)
	const listen = first.on.bind(first)
	first.on = (event, listener) => event !== 'error' ? listen(event, listener) : listen(event, error => {
		if (error.code !== 'ECONNRESET' || !first.reusedSocket) {
			return listener(error)
		}
		const second = send({...params, agent: false}, told)
		second.setTimeout(parseInt(options.timeout) || 0, () => second.destroy(new Error('timed out')))
		second.on('error', listener)
		second.end()
	})
	return first
}
