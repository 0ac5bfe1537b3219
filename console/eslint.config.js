import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "src/api/schema.d.ts"] },
  ...tseslint.configs.recommended,
  a11y.flatConfigs.recommended,
  {
    plugins: { "react-hooks": hooks },
    rules: {
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
      // Words a person reads stand in words.zh.ts and words.en.ts.
      "no-restricted-syntax": ["error", { selector: "Literal[value=/[\\u4e00-\\u9fff]/]", message: "Chinese words belong into words.zh.ts" }],
      "jsx-a11y/no-autofocus": "off",
    },
  },
  { files: ["src/**/words.zh.ts", "src/app/words.en.ts", "src/**/*.test.ts", "src/**/*.test.tsx"], rules: { "no-restricted-syntax": "off" } },
);
