// SPDX-License-Identifier: MIT
// A peer of Node's tls; what it does and its usage are those of peer.h, but that
// NAME is OpenSSL's and a file with a DH group comes last.
'use strict';
const fs = require('fs');
const tls = require('tls');

const [role, port, version, , name, identity, keyFile, dhFile] = process.argv.slice(2);
const psk = Buffer.from(fs.readFileSync(keyFile, 'ascii').trim(), 'hex');
const options = {
	port, host: '127.0.0.1', minVersion: `TLSv${version}`, maxVersion: `TLSv${version}`,
	// The tag of 8 octets is none of level 1.
	ciphers: name.endsWith('CCM8') ? `${name}:@SECLEVEL=0` : name,
	ecdhCurve: 'X25519',
};

function fail(error)
{
	console.error(`${error.code}: ${error.message}`);
	process.exit(1);
}

function say(socket)
{
	const said = fs.readFileSync(0);
	let heard = 0;

	socket.on('data', (data) => {
		process.stdout.write(data);
		heard += data.length;
		if (heard === said.length)
			socket.end();
	});
	socket.on('end', () => process.exit(heard === said.length ? 0 : 1));
	socket.write(said);
}

if (role === 'server') {
	const server = tls.createServer({
		...options, dhparam: fs.readFileSync(dhFile),
		pskCallback: (socket, who) => who === identity ? psk : null,
	}, (socket) => {
		socket.on('error', fail);
		socket.on('close', () => process.exit(0));
		socket.pipe(socket);
	});
	server.on('tlsClientError', fail);
	server.listen(port, options.host);
} else {
	const socket = tls.connect({
		...options, minDHSize: 2048, checkServerIdentity: () => undefined,
		pskCallback: () => ({ psk, identity }),
	}, () => say(socket));
	socket.on('error', fail);
}
setTimeout(() => fail(new Error('60 seconds are over')), 60000).unref();
