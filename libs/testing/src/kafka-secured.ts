import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A user of the TLS listener, who may log in by PLAIN and by SCRAM-SHA-512. */
export interface KafkaUser {
  username: string;
  password: string;
}

/** Makes a certificate for 127.0.0.1 with the JDK's keytool. @returns the PEM file that clients trust */
export async function makeCertificate(dir: string): Promise<string> {
  const store = [
    '-alias',
    'kafka',
    '-keystore',
    join(dir, 'kafka.p12'),
    '-storetype',
    'PKCS12',
    '-storepass',
    storePassword,
  ];
  const subject = ['-dname', 'CN=kafka', '-ext', 'san=ip:127.0.0.1,dns:localhost', '-validity', '2'];
  await run('keytool', ['-genkeypair', '-keyalg', 'EC', ...subject, ...store]);
  const { stdout } = await run('keytool', ['-exportcert', '-rfc', ...store]);
  const file = join(dir, 'ca.pem');
  await writeFile(file, stdout);
  return file;
}

// Guards a key that lives as long as the test.
const storePassword = 'changeit';

/** What `kafka.tools.StorageTool format` has to know of the user. */
export const scramUser = ({ username, password }: KafkaUser): string[] => [
  '--add-scram',
  `SCRAM-SHA-512=[name=${username},password=${password}]`,
];

/** The broker's settings of the listener SECURED. */
export const securedSettings = (dir: string, { username, password }: KafkaUser): string =>
  Object.entries({
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
    'plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`,
    'scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'ssl.keystore.location': join(dir, 'kafka.p12'),
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.password': storePassword,
  })
    .map(([name, value]) => `listener.name.secured.${name}=${value}\n`)
    .join('');
